#include "redis/url/url.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

#include <fmt/format.h>

#include "core/percent.hpp"
#include "core/text.hpp"

namespace strata::redis {

namespace {

constexpr std::size_t longest = 4096;

std::unexpected<error> wrong(std::string_view why) {
  return fail(errc::invalid_argument, fmt::format("the Redis URL {}", why));
}

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
  address made{.host = {}, .port = default_port, .path = {}};
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == std::string_view::npos) return wrong("has a [ without ]");
    made.host = text.substr(1, end - 1);
    text.remove_prefix(end + 1);
    const auto in_address = [](char c) { return detail::hex_digit(c) >= 0 || c == ':' || c == '.'; };
    if (!made.host.contains(':') || !std::ranges::all_of(made.host, in_address)) {
      return wrong("has something in brackets that is no IPv6 address");
    }
  } else {
    made.host = text.substr(0, text.find(':'));
    text.remove_prefix(made.host.size());
    if (made.host.empty()) return wrong("names no host");
    if (made.host.size() > 255 || !std::ranges::all_of(made.host, is_host_char)) {
      return wrong("has a host that is no name and no address");
    }
  }
  if (text.empty()) return made;
  text.remove_prefix(text.starts_with(':') ? 1 : 0);
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), made.port);
  if (failed != std::errc() || end != text.data() + text.size() || made.port == 0) {
    return wrong("has a port that is no number from 1 to 65535");
  }
  return made;
}

result<credentials> parse_login(std::string_view text) {
  const auto user = decode(detail::cut(text, ':'));
  const auto password = decode(text);
  if (!user || !password) return wrong("has a user or password with a % that begins no %XX");
  return credentials{.user = *user, .password = *password};
}

}  // namespace

std::string to_text(const address& of) {
  if (!of.path.empty()) return of.path;
  return of.host.contains(':') ? fmt::format("[{}]:{}", of.host, of.port)
                               : fmt::format("{}:{}", of.host, of.port);
}

result<url_parts> split_url(std::string_view url, std::uint16_t default_port) {
  if (url.size() > longest) return fail(errc::too_large, "the Redis URL is longer than 4096 bytes");
  if (std::ranges::any_of(url, [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == '\x7f'; })) {
    return wrong("holds a space or a control character");
  }
  url_parts made;
  const auto scheme = url.find("://");
  made.scheme = url.substr(0, scheme == std::string_view::npos ? 0 : scheme);
  const auto in_scheme = [](char c) { return (c >= 'a' && c <= 'z') || c == '+'; };
  if (made.scheme.empty() || !std::ranges::all_of(made.scheme, in_scheme)) {
    return wrong("has no scheme, e.g. redis://host:6379");
  }
  url.remove_prefix(scheme + 3);
  if (url.contains('#')) return wrong("holds a #; in a password it is written as %23");

  auto place = detail::cut(url, '?');
  auto query = url;
  if (const auto at = place.substr(0, place.find('/')).rfind('@'); at != std::string_view::npos) {
    auto login = parse_login(place.substr(0, at));
    if (!login) return std::unexpected(login.error());
    made.login = std::move(*login);
    place.remove_prefix(at + 1);
  }
  auto hosts = detail::cut(place, '/');
  const auto path = decode(place);
  if (!path) return wrong("has a path with a % that begins no %XX");
  made.path = *path;
  if (made.scheme == "unix") {
    if (!hosts.empty()) return wrong("of a Unix socket has three slashes: unix:///path");
    made.hosts.push_back({.host = {}, .port = 0, .path = "/" + made.path});
  } else {
    do {
      auto host = parse_host(detail::cut(hosts, ','), default_port);
      if (!host) return std::unexpected(host.error());
      made.hosts.push_back(std::move(*host));
    } while (!hosts.empty());
  }
  while (!query.empty()) {
    auto value = detail::cut(query, '&');
    const auto name = decode(detail::cut(value, '='));
    const auto text = decode(value);
    if (!name || !text) return wrong("has a parameter with a % that begins no %XX");
    made.query.emplace_back(*name, *text);
  }
  return made;
}

result<void> apply_query(const url_parts& of, client_options& options, std::string_view others) {
  const bool tls = options.tls.enabled;
  // A name that is not known is not repeated: it may be a piece of a password that was not escaped.
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
      return wrong(fmt::format("has a parameter that is not known; there are: {}name{}", others,
                               tls ? ", ca, cert, key, sni" : ""));
    }
    if (std::ranges::find(seen, into) != seen.end()) return wrong(fmt::format("has '{}' twice", name));
    seen.push_back(into);
    if (value.empty()) return wrong(fmt::format("has nothing for '{}'", name));
    *into = value;
  }
  if (options.tls.certificate_file.empty() != options.tls.key_file.empty()) {
    return wrong("needs both of cert and key, or neither");
  }
  return {};
}

result<unsigned> parse_database(std::string_view digits) {
  unsigned number = 0;
  const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (failed != std::errc() || end != digits.data() + digits.size())
    return wrong("has a database that is no number");
  return number;
}

result<client_options> parse_url(std::string_view url) {
  auto parts = split_url(url);
  if (!parts) return std::unexpected(parts.error());
  const bool socket = parts->scheme == "unix";
  if (!socket && parts->scheme != "redis" && parts->scheme != "rediss") {
    return wrong("begins with redis://, rediss://, unix://, redis+sentinel:// or rediss+sentinel://");
  }
  if (parts->hosts.size() != 1) return wrong("names one host");
  client_options made;
  made.at = parts->hosts.front();
  made.login = parts->login;
  made.tls.enabled = parts->scheme == "rediss";
  std::string_view database = parts->path;
  const auto given = std::ranges::find(parts->query, "database", &std::pair<std::string, std::string>::first);
  if (socket) {
    database = {};
    if (parts->path.empty()) return wrong("of a Unix socket names its path");
    if (given != parts->query.end()) database = given->second;
  }
  if (!database.empty()) {
    const auto number = parse_database(database);
    if (!number) return std::unexpected(number.error());
    made.database = *number;
  }
  if (socket && given != parts->query.end()) parts->query.erase(given);
  if (auto applied = apply_query(*parts, made); !applied) return std::unexpected(applied.error());
  return made;
}

}  // namespace strata::redis
