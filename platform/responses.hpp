#pragma once
/// From what was found, or what went wrong, to what is answered.
/// Threads: pure functions.

#include "platform/cached_response.hpp"

#include <server/message.hpp>
#include <strata/error.hpp>
#include <strata/lookup.hpp>
#include <strata/task.hpp>

#include <boost/json/value.hpp>

#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

namespace strata::platform {

using strata::server::request;
using strata::server::response;

/// What `data` calls the caller: the cached row of the user who is logged in.
using principal = cached_response<user>;

/// 404, the same for what is not there and for what is another organization's.
response not_found();
/// 422 with every problem.
response unprocessable(std::span<const strata::server::field_problem> problems);
/// 401 with WWW-Authenticate. The same for every reason.
response unauthenticated();
response forbidden(std::string_view detail);
/// 503 with Retry-After for what may pass, 409 for what the database refused. Throws for the rest,
/// e.g. a row that another program wrote wrongly: the server makes that a 500 and logs it.
response failed(const strata::error& why);

/// How the cache took part, as Cache-Status says it.
strata::server::cache_status status_of(const strata::read_info& info);

/// What was found, with how. Nobody further down is to keep what is stale here already.
template <class T>
response response_of(const strata::lookup<T>& found) {
  // Owned through the value: its counter was touched a moment ago, the answer's own was not.
  using shared_answer = std::shared_ptr<const strata::server::representation>;
  auto out = strata::server::ok(shared_answer(found.value(), found->representation.get()));
  out.cache = status_of(found.info());
  if (found.info().stale) out.cache_control = "private, no-cache";
  return out;
}

/// The body as JSON, or 400 with the position of what is wrong.
std::expected<boost::json::value, response> parsed_body(const request& from);

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

/// Goes on with `next`, which takes what `pending` brings and returns a response or a task of one.
/// Cost: no coroutine frame if `pending` is ready.
template <class T, class F>
strata::task<response> then(strata::task<T> pending, F next) {
  if (pending.is_ready()) return next(pending.take_ready());
  return detail::then_later(std::move(pending), std::move(next));
}

}  // namespace strata::platform
