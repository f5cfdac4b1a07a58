#pragma once
/// The tools of an entity's `import_record`: readers of common fields, and the writer inside a transaction.
/// Threads: one at a time.

#include "platform/changes.hpp"
#include "platform/fields.hpp"
#include "platform/passwords.hpp"
#include "platform/repositories.hpp"
#include "platform/stored_document.hpp"

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace strata::platform {

/// A record, or a part of one, that is refused.
struct import_problem {
  std::size_t line = 0;  ///< where the record begins, from 1
  std::string field;     ///< JSON pointer into it; "" for all of it
  std::string detail;
};

/// A record as a new row, and as a change of an existing one.
template <class Row>
struct imported {
  Row fresh;
  std::function<void(Row&)> replace;
};

/// Each reads one field of a record.
std::optional<std::string> read_id(field_reader& in, std::string_view name, std::string_view prefix);
/// A time as the tables hold it; empty if the record has none.
std::string read_created_at(field_reader& in);
std::optional<json::raw> read_document_field(field_reader& in, std::string_view name);

/// Reads the fields that a client may write: with their defaults for a new row, and only those that the
/// record names for one that exists. `read` is the entity's reader, whose result has `apply(row)`.
template <class Row, class Read>
void read_input(const boost::json::value& from, field_reader& in, Read read, imported<Row>& into) {
  read(in).apply(into.fresh);
  field_reader named(from, field_reader::mode::patch);
  into.replace = [input = read(named)](Row& row) { input.apply(row); };
}

/// `action`, or all that `in` found wrong.
import_result checked(field_reader& in, import_action action);

/// Writes records inside one transaction. A refused record leaves the transaction whole; an error ends it.
class import_writer {
 public:
  /// Lifetime: all outlive it.
  import_writer(const repositories& data, password_hasher& passwords, unit_of_work& work)
      : data_(data), passwords_(passwords), work_(work) {}

  /// Where the record that is written next begins.
  void set_line(std::size_t line) noexcept { line_ = line; }

  import_outcome refuse(std::string field, std::string detail);

  /// Creates or replaces the row.
  template <class Entity>
  task<result<import_outcome>> upsert(const imported<typename Entity::repository::row_type>& from) {
    using row_type = Entity::repository::row_type;
    const auto& rows = data_.rows<Entity>();
    auto found = co_await rows.load_readable_in(work_, from.fresh.id);
    if (!found) co_return std::unexpected(std::move(found.error()));
    if (!*found) {
      auto created = co_await rows.create_in(work_, from.fresh);
      if (!created) co_return std::unexpected(std::move(created.error()));
      events.push_back(event_of<Entity>("created", *created));
      co_return import_outcome::created;
    }
    auto after = (*found)->row;
    from.replace(after);
    if ((*found)->unreadable.empty() && after == (*found)->row) co_return import_outcome::unchanged;
    const auto version = (*found)->row.version;
    auto changed = co_await rows.update_in(work_, after.id, version, [&after](row_type& row) {
      row = after;
      return result<void>();
    });
    if (!changed) co_return std::unexpected(std::move(changed.error()));
    events.push_back(event_of<Entity>("updated", *changed));
    co_return import_outcome::updated;
  }

  /// Refuses a row whose organization does not exist, or that is in another one already.
  /// Returns: whether it may be written.
  template <class Entity, class Organization>
  task<result<bool>> check_organization(const typename Entity::repository::row_type& row) {
    auto home = co_await data_.rows<Organization>().load_in(work_, row.organization_id);
    if (!home) co_return std::unexpected(std::move(home.error()));
    if (!*home) {
      refuse("/organization_id", "names no organization; it must come before this record");
      co_return false;
    }
    auto found = co_await data_.rows<Entity>().load_readable_in(work_, row.id);
    if (!found) co_return std::unexpected(std::move(found.error()));
    if (*found && (*found)->row.organization_id != row.organization_id) {
      refuse("/organization_id", "differs from the organization that this id is in");
      co_return false;
    }
    co_return true;
  }

  /// `upsert` of a row whose organization is sound.
  template <class Entity, class Organization>
  task<result<import_outcome>> upsert_in_organization(
      const imported<typename Entity::repository::row_type>& from) {
    auto sound = co_await check_organization<Entity, Organization>(from.fresh);
    if (!sound) co_return std::unexpected(std::move(sound.error()));
    if (!*sound) co_return import_outcome::refused;
    co_return co_await upsert<Entity>(from);
  }

  /// Replaces a document of the owner `id`. Returns: whether it is another one now.
  template <class Part>
  task<result<bool>> put_document(std::string id, json::raw text) {
    const auto& rows = data_.rows<Part>();
    auto found = co_await rows.load_readable_in(work_, id);
    if (!found) co_return std::unexpected(std::move(found.error()));
    if (*found && (*found)->unreadable.empty() && (*found)->row.document == text) co_return false;
    result<stored_document> done;
    if (*found) {
      auto after = (*found)->row;
      after.document = std::move(text);
      auto replaced = rows.replace_in(work_, id, after.version, after);
      done = co_await std::move(replaced);
    } else {
      stored_document row;
      row.id = id;
      row.document = std::move(text);
      done = co_await rows.create_in(work_, std::move(row));
    }
    if (!done) co_return std::unexpected(std::move(done.error()));
    co_return true;
  }

  const repositories& data() const noexcept { return data_; }
  password_hasher& passwords() const noexcept { return passwords_; }
  unit_of_work& work() const noexcept { return work_; }

  std::vector<domain_event> events;  ///< to be published after the commit
  std::vector<import_problem> problems;

 private:
  const repositories& data_;
  password_hasher& passwords_;
  unit_of_work& work_;
  std::size_t line_ = 0;
};

}  // namespace strata::platform
