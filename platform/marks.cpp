#include "platform/marks.hpp"

#include "platform/answers.hpp"
#include "platform/gate.hpp"

#include <strata/cache.hpp>

#include <fmt/format.h>

#include <string>

namespace platform {

namespace {

// After it every gateway has long been told, or serves nothing that it was not told about.
constexpr int kept_seconds = 60;

std::optional<strata::consistency_token> brought_by(const request& from) {
  auto text = from.field(mark_field);
  if (text.empty()) text = from.cookie(mark_cookie).value_or(std::string_view());
  if (text.empty()) return {};
  return strata::consistency_token_of(text);
}

}  // namespace

strata::read_how how_of_session(const services& in, const request& from) {
  const auto mark = brought_by(from);
  if (!mark) return {};
  return {.at_least = in.cache.required_asof(*mark)};
}

strata::read_how how_of(const services& in, const request& from) {
  const auto mark = brought_by(from);
  if (!mark) return {};
  if (from.who<principal>() == nullptr && in.sessions.use(token_of(from)) == nullptr) return {};
  return {.at_least = in.cache.required_asof(*mark)};
}

void add_mark(const services& in, const request& from, response& to) {
  auto mark = in.cache.latest_write();
  if (const auto brought = brought_by(from); brought && brought->process != mark.process) {
    mark = strata::joined(mark, *brought);
  }
  const auto text = strata::to_text(mark);
  to.add(mark_field, text);
  if (from.has_field("authorization")) return;
  to.add("Set-Cookie", fmt::format("{}={}; Path=/; Max-Age={}; HttpOnly; SameSite=Lax{}", mark_cookie, text,
                                   kept_seconds, in.auth.secure_cookie ? "; Secure" : ""));
}

}  // namespace platform
