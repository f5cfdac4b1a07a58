#include "platform/session_cookie.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

namespace strata::platform {

namespace {

constexpr std::string_view scheme = "bearer";

char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool equal_in_any_case(std::string_view a, std::string_view b) noexcept {
  return std::ranges::equal(a, b, {}, lower, lower);
}

/// "host:port" without the port that `origin_scheme` has anyway.
std::string_view without_default_port(std::string_view host, std::string_view origin_scheme) {
  const std::string_view port = origin_scheme == "https" ? ":443" : ":80";
  if (host.ends_with(port)) host.remove_suffix(port.size());
  return host;
}

bool is_same_origin(std::string_view origin, std::string_view host) {
  const auto colon = origin.find("://");
  if (colon == std::string_view::npos) return false;  // "null", for instance
  const auto origin_scheme = origin.substr(0, colon);
  return equal_in_any_case(without_default_port(origin.substr(colon + 3), origin_scheme),
                           without_default_port(host, origin_scheme));
}

}  // namespace

std::string_view session_cookie(const auth_settings& auth) noexcept {
  return auth.secure_cookie ? "__Host-strata_session" : "strata_session";
}

sent_token token_sent_with(const auth_settings& auth, const strata::server::request& from) {
  auto field = from.field("authorization");
  if (field.empty()) {
    const auto sent = from.cookie(session_cookie(auth)).value_or(std::string_view());
    return {sent, !sent.empty()};
  }
  if (field.size() <= scheme.size() || field[scheme.size()] != ' ') return {};
  if (!equal_in_any_case(field.substr(0, scheme.size()), scheme)) return {};
  field.remove_prefix(scheme.size());
  field.remove_prefix(std::min(field.find_first_not_of(' '), field.size()));
  return {field, false};
}

std::string session_cookie_line(std::string_view token, const auth_settings& auth) {
  const auto life = std::chrono::floor<std::chrono::seconds>(auth.sessions.lifetime);
  return fmt::format("{}={}; Path=/; Max-Age={}; HttpOnly; SameSite=Lax{}", session_cookie(auth), token,
                     token.empty() ? 0 : life.count(), auth.secure_cookie ? "; Secure" : "");
}

bool is_cross_site(const auth_settings& auth, const strata::server::request& from) {
  const auto origin = from.field("origin");
  const auto listed = [&](const std::string& each) { return equal_in_any_case(each, origin); };
  if (!origin.empty() && std::ranges::any_of(auth.origins, listed)) return false;
  const auto site = from.field("sec-fetch-site");
  if (!site.empty()) return site != "same-origin" && site != "none";
  return !origin.empty() && !is_same_origin(origin, from.field("host"));
}

}  // namespace strata::platform
