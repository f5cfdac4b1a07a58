#include "platform/consistency_cookie.hpp"

#include "platform/responses.hpp"
#include "platform/session_cookie.hpp"

#include <strata/cache.hpp>

#include <fmt/format.h>

#include <chrono>
#include <string>

namespace strata::platform {

namespace {

// Within this time every gateway has received the invalidation, or has stopped trusting its memory.
constexpr std::chrono::seconds cookie_lifetime{60};

std::optional<strata::consistency_token> mark_sent_with(const services& in, const request& from) {
  auto text = from.field(consistency_field);
  if (text.empty()) text = from.cookie(consistency_cookie).value_or(std::string_view());
  if (text.empty()) return {};
  return in.tokens.open(text);
}

strata::task<strata::read_options> read_of_session(const services& in, strata::consistency_token token,
                                                   strata::task<strata::lookup<session>> pending) {
  const auto held = co_await std::move(pending);
  if (!held) co_return strata::read_options();
  co_return strata::read_options{.at_least = in.cache.required_asof(token)};
}

}  // namespace

strata::read_options session_read(const services& in, const request& from) {
  const auto token = mark_sent_with(in, from);
  if (!token) return {};
  return {.at_least = in.cache.required_asof(*token)};
}

strata::task<strata::read_options> anonymous_read(const services& in, const request& from) {
  const auto token = mark_sent_with(in, from);
  if (!token) return strata::read_options();
  if (from.who<principal>() != nullptr)
    return strata::read_options{.at_least = in.cache.required_asof(*token)};
  return read_of_session(in, *token, in.sessions.find(token_sent_with(in.auth, from).text));
}

void add_consistency_token(const services& in, const request& from, response& to) {
  auto token = in.cache.latest_write();
  if (const auto sent = mark_sent_with(in, from); sent && sent->process != token.process) {
    token = strata::joined(token, *sent);
  }
  const auto text = in.tokens.seal(token);
  to.add(consistency_field, text);
  if (from.has_field("authorization")) return;
  to.add("Set-Cookie", fmt::format("{}={}; Path=/; Max-Age={}; HttpOnly; SameSite=Lax{}", consistency_cookie,
                                   text, cookie_lifetime.count(), in.auth.secure_cookie ? "; Secure" : ""));
}

}  // namespace strata::platform
