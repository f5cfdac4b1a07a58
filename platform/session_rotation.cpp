#include "platform/session_rotation.hpp"

#include "platform/responses.hpp"

#include <fmt/format.h>

namespace strata::platform {

namespace {

task<result<void>> mark(const services& in, const std::string& user_id) {
  auto attempt = [&](unit_of_work work) -> task<result<bool>> {
    auto marked = co_await in.sessions.require_rotation_in(work, user_id);
    if (!marked) co_return std::unexpected(std::move(marked.error()));
    auto done = co_await work.commit();
    if (!done) co_return std::unexpected(std::move(done.error()));
    co_return true;
  };
  auto marking = in.data.in_transaction(attempt);
  auto marked = co_await std::move(marking);
  co_await in.sessions.forget(user_id);
  if (!marked) co_return std::unexpected(std::move(marked.error()));
  co_return result<void>();
}

}  // namespace

response_task rotate_after(const services& in, std::string user_id, response_task change) {
  auto out = co_await std::move(change);
  if (out.status != 200) co_return out;
  if (const auto marked = co_await mark(in, user_id); !marked) {
    in.log(log_level::warning,
           fmt::format("the sessions of {} keep their tokens although the user gained rights: {}", user_id,
                       marked.error().detail));
  }
  co_return out;
}

}  // namespace strata::platform
