#pragma once
/// How handlers check, read and write rows. A write is one transaction: it reads the row, checks the caller
/// and the version, changes the row, and after the commit drops what the change invalidates. The response is
/// made only then, so that no read that begins after it finds anything older. Threads: any.

#include "platform/changes.hpp"
#include "platform/consistency_cookie.hpp"
#include "platform/endpoints.hpp"
#include "platform/ids.hpp"
#include "platform/responses.hpp"
#include "platform/stored_document.hpp"

#include <server/representation.hpp>
#include <server/request.hpp>
#include <server/response.hpp>

#include <cstddef>
#include <cstdint>
#include <expected>
#include <limits>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace strata::platform {

/// Why a request is refused, or nothing.
using refusal = std::optional<response>;

/// True if the path's {id} could be of an `Entity`.
template <class Entity>
bool names_row(const request& from) {
  return plausible_id(Entity::id_prefix, from.path_parameter("id"));
}

inline std::string id_of(const request& from) {
  return std::string(from.path_parameter("id"));
}

/// Everything of an organization is visible to its members alone. To others it does not exist.
template <class Row>
refusal refuse_foreign(const Row& row, const principal& caller) {
  if (row.organization_id != caller.row.organization_id) return not_found();
  return {};
}

/// Parts of a user are for the user and for the administrators of their organization.
inline refusal refuse_others(const user& row, const principal& caller) {
  if (auto refused = refuse_foreign(row, caller)) return refused;
  if (row.id == caller.row.id || caller.row.is_admin) return {};
  return forbidden("this is for the user themself and for administrators of their organization");
}

/// `refuse_foreign` for a row that was looked up, which may be missing or have failed.
template <class Row>
refusal refuse_unseen(const strata::lookup<cached_response<Row>>& found, const principal& caller) {
  if (found.failure() != nullptr) return failed(*found.failure());
  if (!found) return not_found();
  return refuse_foreign(found->row, caller);
}

/// The next value of a counter, which stays at the largest number that a column holds.
constexpr std::int64_t counted_up(std::int64_t count) noexcept {
  return count == std::numeric_limits<std::int64_t>::max() ? count : count + 1;
}

/// The response to a GET of a row that anybody with access to the endpoint may see.
template <class Value>
response found_or_not(const strata::lookup<Value>& found) {
  if (found.failure() != nullptr) return failed(*found.failure());
  return found ? response_of(found) : not_found();
}

/// The JSON document in the body of a PUT, as the row of the owner that the path's {id} names; or 400, 422.
std::expected<stored_document, response> put_document_of(const request& from);

/// The response, or the response to the error.
inline response response_or_failure(strata::result<response> from) {
  return from ? std::move(*from) : failed(from.error());
}

/// Whether the row `id` belongs to the caller's organization, asked in SQL inside `work`. True for rows of no
/// organization. So a write reaches no other organization's row, even if the code that checks the row is
/// wrong. Lifetime: all outlive the task.
template <class Entity>
task<result<bool>> is_in_scope(unit_of_work& work, const std::string& id, const principal& caller) {
  using row_type = Entity::repository::row_type;
  if constexpr (requires(const row_type& row) { row.organization_id; }) {
    static const auto statement =
        "SELECT id FROM " + std::string(Entity::table) + " WHERE id = $1 AND organization_id = $2";
    sql_parameters parameters{id, caller.row.organization_id};
    auto found = co_await work.execute(statement, std::move(parameters));
    if (!found) co_return std::unexpected(std::move(found.error()));
    co_return !found->empty();
  } else {
    co_return true;
  }
}

/// One attempt of `edit`. All parameters outlive it.
template <class Entity, class Allowed, class Change, class Check>
strata::task<strata::result<response>> edit_once(const repositories& data, request& from,
                                                 const std::string& id, Allowed& allowed, Change& change,
                                                 Check& check, strata::unit_of_work work) {
  using row_type = Entity::repository::row_type;
  const auto& rows = data.rows<Entity>();
  auto scoped = co_await is_in_scope<Entity>(work, id, *from.who<principal>());
  if (!scoped) co_return std::unexpected(std::move(scoped.error()));
  if (!*scoped) co_return not_found();
  auto found = co_await rows.load_readable_in(work, id);
  if (!found) co_return std::unexpected(std::move(found.error()));
  if (!*found) co_return not_found();
  const cached_response<row_type> before((*found)->row);
  if (refusal refused = allowed(before.row)) co_return std::move(*refused);
  if (auto refused = strata::server::check_preconditions(from, *before.representation)) {
    co_return std::move(*refused);
  }
  row_type after = before.row;
  if (refusal refused = change(after)) co_return std::move(*refused);
  if (!strata::replaces_unreadable(**found, after)) co_return std::unexpected(std::move((*found)->why));
  if (after == before.row) co_return strata::server::ok(before.representation);
  if constexpr (!std::is_same_v<Check, std::nullptr_t>) {
    auto checked = check(work, before.row, after);
    auto refused = co_await std::move(checked);
    if (!refused) co_return std::unexpected(std::move(refused.error()));
    if (*refused) co_return std::move(**refused);
  }
  auto written = co_await rows.update_in(work, id, before.row.version, [&after](row_type& row) {
    row = after;
    return strata::result<void>();
  });
  if (!written) co_return std::unexpected(std::move(written.error()));
  std::vector<strata::domain_event> events;
  events.push_back(event_of<Entity>("updated", *written));
  auto done = co_await data.commit(std::move(work), std::move(events));
  if (!done) co_return std::unexpected(std::move(done.error()));
  const cached_response<row_type> changed(std::move(*written));
  co_return strata::server::ok(changed.representation);
}

/// Changes the row `id` of an entity.
///   allowed(row)                a refusal if the caller may not touch it
///   change(row)                 applies the change; a refusal if it cannot be applied
///   check(work, before, after)  a task of a refusal if other rows forbid the change, or of an error
/// Returns: 200 with the row | 404 | 412 | what `allowed`, `change` or `check` refuses | 409, 503
template <class Entity, class Allowed, class Change, class Check = std::nullptr_t>
strata::task<response> edit(const repositories& data, request& from, std::string id, Allowed allowed,
                            Change change, Check check = {}) {
  auto attempt = [&](strata::unit_of_work work) {
    return edit_once<Entity>(data, from, id, allowed, change, check, std::move(work));
  };
  auto edited = data.in_transaction(attempt);
  co_return response_or_failure(co_await std::move(edited));
}

/// One attempt of `create`. All parameters outlive it.
template <class Entity>
strata::task<strata::result<response>> create_once(const repositories& data, request& from,
                                                   const typename Entity::repository::row_type& row,
                                                   std::string_view path, strata::unit_of_work work) {
  // If-None-Match: * requires that there be none yet; a new id never is.
  if (auto refused = strata::server::check_preconditions(from, {})) co_return std::move(*refused);
  auto written = co_await data.rows<Entity>().create_in(work, row);
  if (!written) co_return std::unexpected(std::move(written.error()));
  std::vector<strata::domain_event> events;
  events.push_back(event_of<Entity>("created", *written));
  auto done = co_await data.commit(std::move(work), std::move(events));
  if (!done) co_return std::unexpected(std::move(done.error()));
  const cached_response<typename Entity::repository::row_type> created(std::move(*written));
  auto out = strata::server::created(std::string(path) + created.row.id);
  out.content = created.representation;
  co_return out;
}

/// Creates `row`, whose id is new. `path` ("/agents/", a literal) and the id are its Location.
/// Returns: 201 with the row | 412 | 409, 503
template <class Entity>
strata::task<response> create(const repositories& data, request& from,
                              typename Entity::repository::row_type row, std::string_view path) {
  auto attempt = [&](strata::unit_of_work work) {
    return create_once<Entity>(data, from, row, path, std::move(work));
  };
  auto created = data.in_transaction(attempt);
  co_return response_or_failure(co_await std::move(created));
}

/// One attempt of `put_part`. All parameters outlive it.
template <class Owner, class Part, class Allowed>
strata::task<strata::result<response>> put_part_once(const repositories& data, request& from,
                                                     const typename Part::repository::row_type& value,
                                                     Allowed& allowed, strata::unit_of_work work) {
  using row_type = Part::repository::row_type;
  const auto& parts = data.rows<Part>();
  auto scoped = co_await is_in_scope<Owner>(work, value.id, *from.who<principal>());
  if (!scoped) co_return std::unexpected(std::move(scoped.error()));
  if (!*scoped) co_return not_found();
  auto owner = co_await data.rows<Owner>().load_in(work, value.id);
  if (!owner) co_return std::unexpected(std::move(owner.error()));
  if (!*owner) co_return not_found();
  if (refusal refused = allowed(**owner)) co_return std::move(*refused);
  auto found = co_await parts.load_readable_in(work, value.id);
  if (!found) co_return std::unexpected(std::move(found.error()));
  row_type unwritten;
  unwritten.id = value.id;
  const cached_response<row_type> before(*found ? (*found)->row : unwritten);
  if (auto refused = strata::server::check_preconditions(from, *before.representation)) {
    co_return std::move(*refused);
  }
  const bool is_readable = *found && (*found)->unreadable.empty();
  if (is_readable && body_of(value) == before.representation->body())
    co_return strata::server::ok(before.representation);
  strata::result<row_type> written;
  if (*found) {
    auto replaced = parts.replace_in(work, value.id, before.row.version, value);
    written = co_await std::move(replaced);
  } else {
    written = co_await parts.create_in(work, value);
  }
  if (!written) co_return std::unexpected(std::move(written.error()));
  std::vector<strata::domain_event> events;
  events.push_back(event_of<Owner>("updated", **owner));
  auto done = co_await data.commit(std::move(work), std::move(events));
  if (!done) co_return std::unexpected(std::move(done.error()));
  const cached_response<row_type> put(std::move(*written));
  co_return strata::server::ok(put.representation);
}

/// Replaces the part `value` of the owner whose id it has. The event is that its owner was updated.
///   allowed(owner)   a refusal if the caller may not touch it
template <class Owner, class Part, class Allowed>
strata::task<response> put_part(const repositories& data, request& from,
                                typename Part::repository::row_type value, Allowed allowed) {
  auto attempt = [&](strata::unit_of_work work) {
    return put_part_once<Owner, Part>(data, from, value, allowed, std::move(work));
  };
  auto put = data.in_transaction(attempt);
  co_return response_or_failure(co_await std::move(put));
}

/// The response to a GET of a part that was never written: its default, in version 0.
template <class Row>
response default_response(const strata::read_info& info) {
  static const cached_response<Row> nothing{Row()};
  auto out = strata::server::ok(nothing.representation);
  out.cache = status_of(info);
  return out;
}

/// Reads a part of the owner that the path's {id} names.
///   allowed(owner, caller)   a refusal if the caller may not see it
template <class Owner, class Part, class Allowed>
response_task get_part(const services& in, request& from, Allowed allowed) {
  using row_type = Part::repository::row_type;
  if (!names_row<Owner>(from)) return not_found();
  return then(in.data.rows<Owner>().find(from.path_parameter("id"), session_read(in, from)),
              [&in, &from, allowed](const auto& owner) -> response_task {
                const auto& caller = *from.who<principal>();
                if (auto refused = refuse_unseen(owner, caller)) return std::move(*refused);
                if (refusal refused = allowed(owner->row, caller)) return std::move(*refused);
                return then(in.data.rows<Part>().find(owner->row.id, session_read(in, from)),
                            [](const strata::lookup<cached_response<row_type>>& part) -> response {
                              if (part.failure() != nullptr) return failed(*part.failure());
                              return part ? response_of(part) : default_response<row_type>(part.info());
                            });
              });
}

/// Replaces a document that belongs to the owner that the path's {id} names: the whole handler of a PUT.
///   allowed(owner, caller)   a refusal if the caller may not touch it
template <class Owner, class Part, class Allowed>
response_task put_document(const services& in, request& from, Allowed allowed) {
  if (!names_row<Owner>(from)) return not_found();
  auto value = put_document_of(from);
  if (!value) return std::move(value.error());
  return put_part<Owner, Part>(
      in.data, from, std::move(*value),
      [caller = from.principal<principal>(), allowed](const auto& owner) { return allowed(owner, *caller); });
}

}  // namespace strata::platform
