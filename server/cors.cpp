#include "server/cors.hpp"

#include "http/target.hpp"

#include <algorithm>

namespace strata::server {

namespace {

constexpr std::string_view sent_fields =
    "Authorization, Content-Type, If-Match, If-Modified-Since, If-None-Match, If-Range, If-Unmodified-Since, "
    "Range, "
    "X-Request-Id";
constexpr std::string_view read_fields =
    "Accept-Patch, Accept-Ranges, Age, Allow, Cache-Status, Content-Range, ETag, Location, RateLimit, "
    "RateLimit-Policy, Retry-After, X-Request-Id";
constexpr std::string_view preflight_lifetime = "600";  // seconds

void append_line(std::string& out, std::string_view name, std::string_view value) {
  out += name;
  out += ": ";
  out += value;
  out += "\r\n";
}

bool lists(const cors_options& options, std::string_view origin) {
  return std::ranges::find(options.origins, origin) != options.origins.end();
}

/// The methods of the path, as the response to OPTIONS lists them.
std::string_view methods_of(const response& answer) {
  for (const auto& each : answer.fields()) {
    if (each.name == "Allow") return each.value;
  }
  return "GET, HEAD";
}

}  // namespace

bool is_origin(std::string_view text) noexcept {
  const std::size_t scheme = text.starts_with("https://") ? 8 : text.starts_with("http://") ? 7 : 0;
  if (scheme == 0 || text.size() == scheme) return false;
  const auto host = text.substr(scheme);
  const auto upper = [](char c) { return c >= 'A' && c <= 'Z'; };
  return http::is_host(host) && std::ranges::none_of(host, upper) && !host.ends_with(':') &&
         !host.starts_with(':');
}

void append_cors_fields(std::string& out, const cors_options& options, const request& to,
                        const response& answer) {
  if (options.origins.empty()) return;
  const bool any = lists(options, "*");
  if (!any || options.origins.size() > 1) append_line(out, "Vary", "Origin");
  if (!to.has_field("Origin")) return;
  const auto origin = to.field_list("Origin");  // of a repeated field it is no origin
  const bool named = origin != "*" && lists(options, origin);
  if (!named && !any) return;
  append_line(out, "Access-Control-Allow-Origin", named ? std::string_view(origin) : "*");
  if (named) append_line(out, "Access-Control-Allow-Credentials", "true");
  if (to.method() != method::options || !to.has_field("Access-Control-Request-Method")) {
    append_line(out, "Access-Control-Expose-Headers", read_fields);
    return;
  }
  append_line(out, "Access-Control-Allow-Methods", methods_of(answer));
  append_line(out, "Access-Control-Allow-Headers", sent_fields);
  append_line(out, "Access-Control-Max-Age", preflight_lifetime);
  append_line(out, "Vary", "Access-Control-Request-Method, Access-Control-Request-Headers");
}

}  // namespace strata::server
