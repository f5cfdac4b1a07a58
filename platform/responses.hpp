#pragma once
/// Makes responses from look-ups and from errors.
/// Threads: pure functions.

#include "platform/cached_response.hpp"
#include "platform/entities/user.hpp"

#include <server/representation.hpp>
#include <server/request.hpp>
#include <server/response.hpp>
#include <strata/error.hpp>
#include <strata/json.hpp>
#include <strata/lookup.hpp>
#include <strata/task.hpp>

#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

namespace strata::platform {

using strata::server::request;
using strata::server::response;

/// The caller: the cached row of the user who is logged in.
using principal = cached_response<user>;

/// 404, the same for a missing row and for another organization's.
response not_found();
/// 422 with every problem.
response unprocessable(std::span<const strata::server::field_problem> problems);
/// 401 with WWW-Authenticate. The same for every reason.
response unauthenticated();
response forbidden(std::string_view detail);
/// 503 with Retry-After for a passing failure, 409 for what the database refused. Throws for the rest, e.g. a
/// malformed row of another program: the server makes that a 500 and logs it.
response failed(const strata::error& why);

/// How the cache took part, for Cache-Status.
strata::server::cache_status status_of(const strata::read_info& info);

/// 200 with the value that was found and its Cache-Status. Caches further down must not keep a stale one.
template <class T>
response response_of(const strata::lookup<T>& found) {
  // Owned through the value, whose counter is in this processor's cache; the representation's own is not.
  using shared_representation = std::shared_ptr<const strata::server::representation>;
  auto out = strata::server::ok(shared_representation(found.value(), found->representation.get()));
  out.cache = status_of(found.info());
  if (found.info().stale) out.cache_control = "private, no-cache";
  return out;
}

inline constexpr std::size_t max_members = 4096;  ///< of all objects in one request together

/// The body as JSON, or 400 with the position of the error.
std::expected<boost::json::value, response> parsed_body(
    const request& from, strata::json::number_rule numbers = strata::json::number_rule::exact);

namespace detail {

template <class T, class F>
strata::task<response> then_later(strata::task<T> pending, F next) {
  auto found = co_await std::move(pending);
  if constexpr (requires { next(std::move(found)).is_ready(); }) {
    auto rest = next(std::move(found));
    co_return co_await std::move(rest);
  } else {
    co_return next(std::move(found));
  }
}

}  // namespace detail

/// Calls `next` with the result of `pending`; it returns a response or a task of one.
/// Cost: no coroutine frame if `pending` is ready.
template <class T, class F>
strata::task<response> then(strata::task<T> pending, F next) {
  if (pending.is_ready()) return next(pending.take_ready());
  return detail::then_later(std::move(pending), std::move(next));
}

}  // namespace strata::platform
