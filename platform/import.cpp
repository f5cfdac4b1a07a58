#include "platform/import.hpp"

#include "platform/entities/listing.hpp"
#include "platform/record_reader.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace strata::platform {

namespace {

using strata::result;
using strata::task;
using strata::unit_of_work;

// A record that was read and checked.
struct pending_record {
  std::size_t line = 0;
  import_action write;
};

constexpr std::size_t max_problems = 1000;  // held before they are reported

// Reads one record by its `type`.
import_result read_record(const boost::json::value& from, const std::vector<entity_definition>& entities) {
  std::vector<std::string_view> types;
  for (const auto& each : entities) {
    if (!each.import_type.empty()) types.push_back(each.import_type);
  }
  field_reader in(from, field_reader::mode::create);
  const auto type = in.choice("type", types);
  for (const auto& each : entities) {
    if (type && *type == each.import_type) return each.import_record(from, in);
  }
  // Without a type the other fields mean nothing: report the type alone.
  field_reader only(from, field_reader::mode::create);
  only.choice("type", types);
  if (const auto* object = from.if_object()) {
    for (const auto& each : *object) only.any(each.key());
  }
  return std::unexpected(only.finish());
}

void count(import_outcome what, import_counts& in) {
  switch (what) {
    case import_outcome::created:
      ++in.created;
      return;
    case import_outcome::updated:
      ++in.updated;
      return;
    case import_outcome::unchanged:
      ++in.unchanged;
      return;
    case import_outcome::refused:
      ++in.refused;
      return;
  }
}

class importer {
 public:
  importer(std::istream& from, const repositories& data, password_hasher& passwords, import_options options)
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
  // Several problems are found when a record is read, others when it is written: both in the file's order.
  void add(import_problem problem) {
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
      return add({text.line, "", std::move(text.problem)});
    }
    auto parsed = strata::json::parse(text.text);
    if (!parsed) {
      ++counts_.refused;
      return add({text.line, "", "is not JSON: " + parsed.error().detail + " of the record"});
    }
    // The items of an array are servers of a registry.
    const bool is_server = reader_.kind() == record_reader::format::array && parsed->is_object();
    auto record =
        is_server ? import_registry_server(*parsed) : read_record(*parsed, data_.entities().definitions());
    if (!record) {
      ++counts_.refused;
      for (auto& each : record.error()) add({text.line, std::move(each.where), std::move(each.detail)});
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

  // Another program may have taken a key since this one looked. Then the records are written one by one, and
  // only those that the database refuses are left out.
  task<result<void>> write(const pending_record* first, std::size_t size) {
    auto done = co_await write_together(first, size);
    if (done || done.error().code != strata::errc::constraint) co_return done;
    if (size == 1) {
      ++counts_.refused;
      add({first->line, "", "was refused by the database: " + done.error().detail});
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
    import_writer writer(data_, passwords_, work);
    import_counts outcome;
    for (std::size_t i = 0; i < size; ++i) {
      writer.set_line(first[i].line);
      auto done = co_await first[i].write(writer);
      if (!done) co_return std::unexpected(std::move(done.error()));
      count(*done, outcome);
    }
    auto done = co_await data_.commit(std::move(work), std::move(writer.events));
    if (!done) co_return done;
    counts_.created += outcome.created;
    counts_.updated += outcome.updated;
    counts_.unchanged += outcome.unchanged;
    counts_.refused += outcome.refused;
    for (auto& each : writer.problems) add(std::move(each));
    co_return result<void>();
  }

  record_reader reader_;
  const repositories& data_;
  password_hasher& passwords_;
  import_options options_;
  import_counts counts_;
  std::vector<import_problem> problems_;  // not reported yet
};

}  // namespace

task<result<import_counts>> import_stream(std::istream& from, const repositories& data,
                                          password_hasher& passwords, import_options options) {
  importer work(from, data, passwords, std::move(options));
  co_return co_await work.run();
}

}  // namespace strata::platform
