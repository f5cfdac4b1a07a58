#include "platform/consistency_cookie.hpp"

#include "platform/access_steps.hpp"
#include "platform/responses.hpp"

#include <strata/cache.hpp>

#include <fmt/format.h>

#include <chrono>
#include <string>

namespace strata::platform {

namespace {

// Within this time every gateway has received the invalidation, or has stopped trusting its memory.
constexpr std::chrono::seconds cookie_lifetime{60};

std::optional<strata::consistency_token> token_sent_with(const request& from) {
  auto text = from.field(consistency_field);
  if (text.empty()) text = from.cookie(consistency_cookie).value_or(std::string_view());
  if (text.empty()) return {};
  return strata::consistency_token_of(text);
}

}  // namespace

strata::read_options session_read(const services& in, const request& from) {
  const auto token = token_sent_with(from);
  if (!token) return {};
  return {.at_least = in.cache.required_asof(*token)};
}

strata::read_options anonymous_read(const services& in, const request& from) {
  const auto token = token_sent_with(from);
  if (!token) return {};
  if (from.who<principal>() == nullptr && in.sessions.use(token_of(from)) == nullptr) return {};
  return {.at_least = in.cache.required_asof(*token)};
}

void add_consistency_token(const services& in, const request& from, response& to) {
  auto token = in.cache.latest_write();
  if (const auto sent = token_sent_with(from); sent && sent->process != token.process) {
    token = strata::joined(token, *sent);
  }
  const auto text = strata::to_text(token);
  to.add(consistency_field, text);
  if (from.has_field("authorization")) return;
  to.add("Set-Cookie", fmt::format("{}={}; Path=/; Max-Age={}; HttpOnly; SameSite=Lax{}", consistency_cookie,
                                   text, cookie_lifetime.count(), in.auth.secure_cookie ? "; Secure" : ""));
}

}  // namespace strata::platform
