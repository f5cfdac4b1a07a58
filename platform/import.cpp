#include "platform/import.hpp"

#include "platform/import_records.hpp"
#include "platform/record_reader.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace strata::platform {

namespace {

using strata::result;
using strata::task;
using strata::unit_of_work;

// A record on its way into the database.
struct pending_record {
  std::size_t line = 0;
  import_record record;
};

constexpr std::size_t max_problems = 1000;  // held before they are told

enum class written { created, updated, unchanged, refused };

// Writes records inside one transaction. What is refused is told and leaves the transaction whole;
// an error ends it.
class batch_writer {
 public:
  batch_writer(const repositories& data, password_hasher& passwords, unit_of_work& work)
      : data_(data), passwords_(passwords), work_(work) {}

  task<result<written>> write(const pending_record& from) {
    line_ = from.line;
    return std::visit([this](const auto& record) { return write_row(record); }, from.record);
  }

  std::vector<strata::domain_event> happened;
  std::vector<import_problem> problems;

 private:
  written refuse(std::string field, std::string detail) {
    problems.push_back({line_, std::move(field), std::move(detail)});
    return written::refused;
  }

  // Creates or replaces the row; `event` names what happens.
  template <class Repository, class Row, class Event>
  task<result<written>> upsert(const Repository& rows, const imported<Row>& from, Event event) {
    auto found = co_await rows.load_in(work_, from.fresh.id);
    if (!found) co_return std::unexpected(std::move(found.error()));
    if (!*found) {
      auto made = co_await rows.create_in(work_, from.fresh);
      if (!made) co_return std::unexpected(std::move(made.error()));
      happened.push_back(event("created", *made));
      co_return written::created;
    }
    auto after = **found;
    from.replace(after);
    if (after == **found) co_return written::unchanged;
    auto changed = co_await rows.update_in(work_, after.id, (*found)->version, [&after](Row& row) {
      row = after;
      return result<void>();
    });
    if (!changed) co_return std::unexpected(std::move(changed.error()));
    happened.push_back(event("updated", *changed));
    co_return written::updated;
  }

  // Nothing if `row` may belong to its organization: that exists, and the row was in no other.
  template <class Repository, class Row>
  task<result<bool>> check_home(const Repository& rows, const Row& row) {
    auto home = co_await data_.organizations.load_in(work_, row.organization_id);
    if (!home) co_return std::unexpected(std::move(home.error()));
    if (!*home) {
      refuse("/organization_id", "names no organization; it must come before this record");
      co_return false;
    }
    auto found = co_await rows.load_in(work_, row.id);
    if (!found) co_return std::unexpected(std::move(found.error()));
    if (*found && (*found)->organization_id != row.organization_id) {
      refuse("/organization_id", "differs from the organization that this id is in");
      co_return false;
    }
    co_return true;
  }

  task<result<written>> write_row(const imported<organization>& from) {
    return upsert(data_.organizations, from, organization_event);
  }

  task<result<written>> write_row(const imported<listing>& from) {
    return upsert(data_.listings, from, listing_event);
  }

  task<result<written>> write_row(const imported_user& from) {
    auto sound = co_await check_home(data_.users, from.fresh);
    if (!sound) co_return std::unexpected(std::move(sound.error()));
    if (!*sound) co_return written::refused;
    strata::sql_parameters parameters{from.fresh.email, from.fresh.id};
    auto others = co_await work_.execute("SELECT id FROM users WHERE LOWER(email) = LOWER($1) AND id <> $2",
                                         std::move(parameters));
    if (!others) co_return std::unexpected(std::move(others.error()));
    if (!others->empty()) co_return refuse("/email", "belongs to another user");
    auto done = co_await upsert(data_.users, from, user_event);
    if (!done || !from.password) co_return done;
    auto added = co_await add_password(from);
    if (!added) co_return std::unexpected(std::move(added.error()));
    co_return *added && *done == written::unchanged ? written::updated : *done;
  }

  // Returns whether the user had none.
  task<result<bool>> add_password(const imported_user& from) {
    strata::sql_parameters parameters{from.fresh.id};
    auto known =
        co_await work_.execute("SELECT user_id FROM credentials WHERE user_id = $1", std::move(parameters));
    if (!known) co_return std::unexpected(std::move(known.error()));
    if (!known->empty()) co_return false;
    auto hash = co_await passwords_.hash(*from.password);
    if (!hash) co_return std::unexpected(std::move(hash.error()));
    credential login{from.fresh.id, std::move(*hash)};
    auto set = co_await data_.set_credential(work_, std::move(login));
    if (!set) co_return std::unexpected(std::move(set.error()));
    co_return true;
  }

  task<result<written>> write_row(const imported_agent& from) {
    auto sound = co_await check_home(data_.agents, from.fresh);
    if (!sound) co_return std::unexpected(std::move(sound.error()));
    if (!*sound) co_return written::refused;
    auto done = co_await upsert(data_.agents, from, agent_event);
    if (!done) co_return done;
    bool changed = false;
    if (from.config) {
      auto put = co_await put_document(data_.configs, from.fresh.id, *from.config);
      if (!put) co_return std::unexpected(std::move(put.error()));
      changed = *put;
    }
    if (from.tools) {
      auto put = co_await put_document(data_.tools, from.fresh.id, *from.tools);
      if (!put) co_return std::unexpected(std::move(put.error()));
      changed = changed || *put;
    }
    if (!changed || *done != written::unchanged) co_return done;
    happened.push_back(agent_event("updated", from.fresh));
    co_return written::updated;
  }

  // Returns whether the document is another one now.
  template <class Repository>
  task<result<bool>> put_document(const Repository& rows, std::string id, strata::json::raw text) {
    auto found = co_await rows.load_in(work_, id);
    if (!found) co_return std::unexpected(std::move(found.error()));
    if (*found && (*found)->document == text) co_return false;
    result<stored_document> done;
    if (*found) {
      done = co_await rows.update_in(work_, id, (*found)->version, [&text](stored_document& row) {
        row.document = text;
        return result<void>();
      });
    } else {
      stored_document row;
      row.id = id;
      row.document = std::move(text);
      done = co_await rows.create_in(work_, std::move(row));
    }
    if (!done) co_return std::unexpected(std::move(done.error()));
    co_return true;
  }

  const repositories& data_;
  password_hasher& passwords_;
  unit_of_work& work_;
  std::size_t line_ = 0;
};

void count(written what, import_counts& in) {
  switch (what) {
    case written::created:
      ++in.created;
      return;
    case written::updated:
      ++in.updated;
      return;
    case written::unchanged:
      ++in.unchanged;
      return;
    case written::refused:
      ++in.refused;
      return;
  }
}

class importing {
 public:
  importing(std::istream& from, const repositories& data, password_hasher& passwords, import_options options)
      : reader_(from), data_(data), passwords_(passwords), options_(std::move(options)) {}

  task<result<import_counts>> run() {
    std::vector<pending_record> batch;
    for (auto text = reader_.next(); text; text = reader_.next()) {
      read(std::move(*text), batch);
      if (batch.size() < options_.batch && problems_.size() < max_problems) continue;
      auto done = co_await flush(batch);
      if (!done) co_return std::unexpected(std::move(done.error()));
    }
    auto done = co_await flush(batch);
    if (!done) co_return std::unexpected(std::move(done.error()));
    co_return counts_;
  }

 private:
  // Some problems are found when a record is read, some when it is written: kept in the file's order.
  void tell(import_problem problem) {
    const auto after = std::ranges::upper_bound(problems_, problem.line, {}, &import_problem::line);
    problems_.insert(after, std::move(problem));
  }

  void report() {
    for (const auto& each : problems_) {
      if (options_.on_problem) options_.on_problem(each);
    }
    problems_.clear();
    if (options_.on_progress) options_.on_progress(counts_);
  }

  void read(record_text text, std::vector<pending_record>& into) {
    ++counts_.records;
    if (!text.problem.empty()) {
      ++counts_.refused;
      return tell({text.line, "", std::move(text.problem)});
    }
    auto parsed = strata::json::parse(text.text);
    if (!parsed) {
      ++counts_.refused;
      return tell({text.line, "", "is not JSON: " + parsed.error().detail + " of the record"});
    }
    auto record =
        reader_.kind() == record_reader::format::array ? read_registry_server(*parsed) : read_record(*parsed);
    if (!record) {
      ++counts_.refused;
      for (auto& each : record.error()) tell({text.line, std::move(each.where), std::move(each.detail)});
      return;
    }
    into.push_back({text.line, std::move(*record)});
  }

  task<result<void>> flush(std::vector<pending_record>& batch) {
    if (!batch.empty()) {
      auto done = co_await write(batch.data(), batch.size());
      if (!done) co_return done;
    }
    batch.clear();
    counts_.bytes = reader_.bytes();
    report();
    co_return result<void>();
  }

  // Another program may have taken a key since we looked: then the records go in one by one, and
  // only those that the database refuses stay out.
  task<result<void>> write(const pending_record* first, std::size_t size) {
    auto done = co_await write_together(first, size);
    if (done || done.error().code != strata::errc::constraint) co_return done;
    if (size == 1) {
      ++counts_.refused;
      tell({first->line, "", "was refused by the database: " + done.error().detail});
      co_return result<void>();
    }
    for (std::size_t i = 0; i < size; ++i) {
      auto one = co_await write(first + i, 1);
      if (!one) co_return one;
    }
    co_return result<void>();
  }

  task<result<void>> write_together(const pending_record* first, std::size_t size) {
    return data_.in_transaction(
        [this, first, size](unit_of_work work) { return write_once(first, size, std::move(work)); });
  }

  task<result<void>> write_once(const pending_record* first, std::size_t size, unit_of_work work) {
    batch_writer writer(data_, passwords_, work);
    import_counts outcome;
    for (std::size_t i = 0; i < size; ++i) {
      auto done = co_await writer.write(first[i]);
      if (!done) co_return std::unexpected(std::move(done.error()));
      count(*done, outcome);
    }
    auto done = co_await data_.commit(std::move(work), std::move(writer.happened));
    if (!done) co_return done;
    counts_.created += outcome.created;
    counts_.updated += outcome.updated;
    counts_.unchanged += outcome.unchanged;
    counts_.refused += outcome.refused;
    for (auto& each : writer.problems) tell(std::move(each));
    co_return result<void>();
  }

  record_reader reader_;
  const repositories& data_;
  password_hasher& passwords_;
  import_options options_;
  import_counts counts_;
  std::vector<import_problem> problems_;  // not told yet
};

}  // namespace

task<result<import_counts>> import_stream(std::istream& from, const repositories& data,
                                          password_hasher& passwords, import_options options) {
  importing work(from, data, passwords, std::move(options));
  co_return co_await work.run();
}

}  // namespace strata::platform
