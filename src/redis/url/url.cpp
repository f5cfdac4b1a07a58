#include "redis/url/url.hpp"

#include "core/percent.hpp"
#include "core/text.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

#include <fmt/format.h>

namespace strata::redis {

namespace {

constexpr std::size_t max_size = 4096;

std::optional<std::string> decode(std::string_view text) {
  std::string out;
  if (!detail::append_percent_decoded(out, text) || out.contains('\0')) return std::nullopt;
  return out;
}

bool is_host_char(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '-' ||
         c == '_';
}

result<address> parse_host(std::string_view text, std::uint16_t default_port) {
  address out{.host = {}, .port = default_port, .path = {}};
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == std::string_view::npos) return url_error("has a [ without ]");
    out.host = text.substr(1, end - 1);
    text.remove_prefix(end + 1);
    const auto in_address = [](char c) { return detail::hex_digit(c) >= 0 || c == ':' || c == '.'; };
    if (!out.host.contains(':') || !std::ranges::all_of(out.host, in_address)) {
      return url_error("has brackets around something that is not an IPv6 address");
    }
  } else {
    out.host = text.substr(0, text.find(':'));
    text.remove_prefix(out.host.size());
    if (out.host.empty()) return url_error("names no host");
    if (out.host.size() > 255 || !std::ranges::all_of(out.host, is_host_char)) {
      return url_error("has a host that is neither a name nor an address");
    }
  }
  if (text.empty()) return out;
  text.remove_prefix(text.starts_with(':') ? 1 : 0);
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), out.port);
  if (failed != std::errc() || end != text.data() + text.size() || out.port == 0) {
    return url_error("has a port that is not a number from 1 to 65535");
  }
  return out;
}

result<credentials> parse_login(std::string_view text) {
  const auto user = decode(detail::cut(text, ':'));
  const auto password = decode(text);
  if (!user || !password) return url_error("has a user or password with a % without two hex digits");
  return credentials{.user = *user, .password = *password};
}

}  // namespace

std::unexpected<error> url_error(std::string_view problem) {
  return fail(errc::invalid_argument, fmt::format("the Redis URL {}", problem));
}

std::string to_text(const address& of) {
  if (!of.path.empty()) return of.path;
  return of.host.contains(':') ? fmt::format("[{}]:{}", of.host, of.port)
                               : fmt::format("{}:{}", of.host, of.port);
}

result<url_parts> split_url(std::string_view url, std::uint16_t default_port) {
  if (url.size() > max_size) return fail(errc::too_large, "the Redis URL is longer than 4096 bytes");
  if (std::ranges::any_of(url, [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == '\x7f'; })) {
    return url_error("holds a space or a control character");
  }
  url_parts out;
  const auto scheme = url.find("://");
  out.scheme = url.substr(0, scheme == std::string_view::npos ? 0 : scheme);
  const auto in_scheme = [](char c) { return (c >= 'a' && c <= 'z') || c == '+'; };
  if (out.scheme.empty() || !std::ranges::all_of(out.scheme, in_scheme)) {
    return url_error("has no scheme, e.g. redis://host:6379");
  }
  url.remove_prefix(scheme + 3);
  if (url.contains('#')) return url_error("holds a #; write %23 in a password");

  auto place = detail::cut(url, '?');
  auto query = url;
  if (const auto at = place.substr(0, place.find('/')).rfind('@'); at != std::string_view::npos) {
    auto login = parse_login(place.substr(0, at));
    if (!login) return std::unexpected(login.error());
    out.login = std::move(*login);
    place.remove_prefix(at + 1);
  }
  auto hosts = detail::cut(place, '/');
  const auto path = decode(place);
  if (!path) return url_error("has a path with a % without two hex digits");
  out.path = *path;
  if (out.scheme == "unix") {
    if (!hosts.empty()) return url_error("of a Unix socket needs three slashes: unix:///path");
    out.hosts.push_back({.host = {}, .port = 0, .path = "/" + out.path});
  } else {
    do {
      auto host = parse_host(detail::cut(hosts, ','), default_port);
      if (!host) return std::unexpected(host.error());
      out.hosts.push_back(std::move(*host));
    } while (!hosts.empty());
  }
  while (!query.empty()) {
    auto value = detail::cut(query, '&');
    const auto name = decode(detail::cut(value, '='));
    const auto text = decode(value);
    if (!name || !text) return url_error("has a parameter with a % without two hex digits");
    out.query.emplace_back(*name, *text);
  }
  return out;
}

result<void> apply_query(const url_parts& of, client_options& options, std::string_view others) {
  const bool tls = options.tls.enabled;
  // The error does not repeat an unknown name: it may be a part of a password that was not escaped.
  const auto known = [&](std::string_view name) -> std::string* {
    if (name == "name") return &options.name;
    if (tls && name == "ca") return &options.tls.ca_file;
    if (tls && name == "cert") return &options.tls.certificate_file;
    if (tls && name == "key") return &options.tls.key_file;
    if (tls && name == "sni") return &options.tls.server_name;
    return nullptr;
  };
  std::vector<std::string*> seen;
  for (const auto& [name, value] : of.query) {
    auto* into = known(name);
    if (into == nullptr) {
      return url_error(fmt::format("has an unknown parameter; there are: {}name{}", others,
                                   tls ? ", ca, cert, key, sni" : ""));
    }
    if (std::ranges::find(seen, into) != seen.end()) return url_error(fmt::format("repeats '{}'", name));
    seen.push_back(into);
    if (value.empty()) return url_error(fmt::format("has no value for '{}'", name));
    *into = value;
  }
  if (options.tls.certificate_file.empty() != options.tls.key_file.empty()) {
    return url_error("needs cert and key, or neither");
  }
  return {};
}

result<unsigned> parse_database(std::string_view digits) {
  unsigned number = 0;
  const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (failed != std::errc() || end != digits.data() + digits.size())
    return url_error("has a database that is not a number");
  return number;
}

result<client_options> parse_url(std::string_view url) {
  auto parts = split_url(url);
  if (!parts) return std::unexpected(parts.error());
  const bool socket = parts->scheme == "unix";
  if (!socket && parts->scheme != "redis" && parts->scheme != "rediss") {
    return url_error(
        "must begin with redis://, rediss://, unix://, redis+sentinel://, rediss+sentinel://, "
        "redis+cluster:// or rediss+cluster://");
  }
  if (parts->hosts.size() != 1) return url_error("must name one host");
  client_options out;
  out.at = parts->hosts.front();
  out.login = parts->login;
  out.tls.enabled = parts->scheme == "rediss";
  std::string_view database = parts->path;
  const auto given = std::ranges::find(parts->query, "database", &std::pair<std::string, std::string>::first);
  if (socket) {
    database = {};
    if (parts->path.empty()) return url_error("of a Unix socket must name its path");
    if (given != parts->query.end()) database = given->second;
  }
  if (!database.empty()) {
    const auto number = parse_database(database);
    if (!number) return std::unexpected(number.error());
    out.database = *number;
  }
  if (socket && given != parts->query.end()) parts->query.erase(given);
  if (auto applied = apply_query(*parts, out); !applied) return std::unexpected(applied.error());
  return out;
}

}  // namespace strata::redis
