#pragma once
/// Writes: one transaction that reads the row, checks who and which version, changes it, and after
/// the commit drops what the change makes invalid. Only then is the answer made, so no read that
/// begins after it finds anything older.
/// Threads: any.

#include "platform/repositories.hpp"
#include "platform/responses.hpp"

#include <server/message.hpp>

#include <cstddef>
#include <expected>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace strata::platform {

/// The JSON document in the body of a PUT, as the row of what the path's {id} names; or 400, 422.
std::expected<stored_document, response> put_document_of(const request& from);

/// The answer, or what is answered to an error.
inline response response_or_failure(strata::result<response> from) {
  return from ? std::move(*from) : failed(from.error());
}

/// One attempt of `edit`. What it is given outlives it.
template <class Repository, class Allowed, class Change, class Happened, class State>
strata::task<strata::result<response>> edit_once(const repositories& data, request& from,
                                                 const Repository& rows, const std::string& id,
                                                 Allowed& allowed, Change& change, Happened& happened,
                                                 State& state, strata::unit_of_work work) {
  using row_type = Repository::row_type;
  auto found = co_await rows.load_in(work, id);
  if (!found) co_return std::unexpected(std::move(found.error()));
  if (!*found) co_return not_found();
  const cached_response<row_type> before(std::move(**found));
  if (std::optional<response> refused = allowed(before.row)) co_return std::move(*refused);
  if (auto refused = strata::server::check_preconditions(from, before.representation->etag())) {
    co_return std::move(*refused);
  }
  row_type after = before.row;
  if (std::optional<response> refused = change(after)) co_return std::move(*refused);
  if (after == before.row) co_return strata::server::ok(before.representation);
  if constexpr (!std::is_same_v<State, std::nullptr_t>) {
    auto checked = state(work, before.row, after);
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
  events.push_back(happened(*written));
  auto done = co_await data.commit(std::move(work), std::move(events));
  if (!done) co_return std::unexpected(std::move(done.error()));
  const cached_response<row_type> now(std::move(*written));
  co_return strata::server::ok(now.representation);
}

/// Changes the row `id` of `rows`.
///   allowed(row)   a response if the caller may not touch it, else nothing
///   change(row)    applies the change; a response if it cannot be
///   happened(row)  the event of the change
///   state(work, before, after)  a task of a response if other rows forbid the change, or of an error
/// Returns: 200 with the row | 404 | 412 | what `allowed`, `change` or `state` says | 409, 503
template <class Repository, class Allowed, class Change, class Happened, class State = std::nullptr_t>
strata::task<response> edit(const repositories& data, request& from, const Repository& rows, std::string id,
                            Allowed allowed, Change change, Happened happened, State state = {}) {
  auto attempt = [&](strata::unit_of_work work) {
    return edit_once(data, from, rows, id, allowed, change, happened, state, std::move(work));
  };
  auto edited = data.in_transaction(attempt);
  co_return response_or_failure(co_await std::move(edited));
}
/// One attempt of `put_part`. What it is given outlives it.
template <class Owners, class Repository, class Allowed, class Happened>
strata::task<strata::result<response>> put_part_once(const repositories& data, request& from,
                                                     const Owners& owners, const Repository& rows,
                                                     const typename Repository::row_type& value,
                                                     Allowed& allowed, Happened& happened,
                                                     strata::unit_of_work work) {
  using row_type = Repository::row_type;
  auto owner = co_await owners.load_in(work, value.id);
  if (!owner) co_return std::unexpected(std::move(owner.error()));
  if (!*owner) co_return not_found();
  if (std::optional<response> refused = allowed(**owner)) co_return std::move(*refused);
  auto found = co_await rows.load_in(work, value.id);
  if (!found) co_return std::unexpected(std::move(found.error()));
  row_type unwritten;
  unwritten.id = value.id;
  const cached_response<row_type> before(*found ? **found : unwritten);
  if (auto refused = strata::server::check_preconditions(from, before.representation->etag())) {
    co_return std::move(*refused);
  }
  if (*found && body_of(value) == before.representation->body())
    co_return strata::server::ok(before.representation);
  strata::result<row_type> written;
  if (*found) {
    written = co_await rows.update_in(work, value.id, before.row.version, [&value](row_type& row) {
      row = value;
      return strata::result<void>();
    });
  } else {
    written = co_await rows.create_in(work, value);
  }
  if (!written) co_return std::unexpected(std::move(written.error()));
  std::vector<strata::domain_event> events;
  events.push_back(happened(**owner));
  auto done = co_await data.commit(std::move(work), std::move(events));
  if (!done) co_return std::unexpected(std::move(done.error()));
  const cached_response<row_type> now(std::move(*written));
  co_return strata::server::ok(now.representation);
}

/// Puts the document or permissions `value` of the row `id` of `owners` in place of what is there.
///   allowed(owner)   a response if the caller may not touch it, else nothing
///   happened(owner)  the event of the change
template <class Owners, class Repository, class Allowed, class Happened>
strata::task<response> put_part(const repositories& data, request& from, const Owners& owners,
                                const Repository& rows, typename Repository::row_type value, Allowed allowed,
                                Happened happened) {
  auto attempt = [&](strata::unit_of_work work) {
    return put_part_once(data, from, owners, rows, value, allowed, happened, std::move(work));
  };
  auto put = data.in_transaction(attempt);
  co_return response_or_failure(co_await std::move(put));
}

/// What a GET answers for a part that was never written: its default, in version 0.
template <class Row>
response default_response(const strata::read_info& info) {
  static const cached_response<Row> nothing{Row()};
  auto out = strata::server::ok(nothing.representation);
  out.cache = status_of(info);
  return out;
}

}  // namespace strata::platform
