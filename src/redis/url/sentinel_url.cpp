#include "redis/url/sentinel_url.hpp"

#include "redis/url/url.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include <fmt/format.h>

namespace strata::redis {

namespace {

constexpr std::string_view plain_scheme = "redis+sentinel";
constexpr std::string_view tls_scheme = "rediss+sentinel";
constexpr std::uint16_t sentinel_port = 26379;

std::unexpected<error> wrong(std::string_view why) {
  return fail(errc::invalid_argument, fmt::format("the Redis URL {}", why));
}

/// Moves the parameters that say something of the sentinels into `into`.
result<void> take_parameters(url_parts& from, sentinel_options& into) {
  const std::array<std::pair<std::string_view, std::string*>, 3> ours{
      {{"master", &into.group},
       {"sentinel-user", &into.login.user},
       {"sentinel-password", &into.login.password}}};
  for (const auto& [name, value] : ours) {
    const auto is_it = [&](const auto& each) { return each.first == name; };
    const auto count = std::ranges::count_if(from.query, is_it);
    if (count == 0) continue;
    if (count > 1) return wrong(fmt::format("has '{}' twice", name));
    *value = std::ranges::find_if(from.query, is_it)->second;
    if (value->empty()) return wrong(fmt::format("has nothing for '{}'", name));
    std::erase_if(from.query, is_it);
  }
  return {};
}

}  // namespace

bool is_sentinel_url(std::string_view url) {
  const auto scheme = url.substr(0, url.find("://"));
  return scheme.size() < url.size() && (scheme == plain_scheme || scheme == tls_scheme);
}

result<sentinel_place> parse_sentinel_url(std::string_view url) {
  if (!is_sentinel_url(url)) return wrong("begins with redis+sentinel:// or rediss+sentinel://");
  auto parts = split_url(url, sentinel_port);
  if (!parts) return std::unexpected(std::move(parts.error()));
  sentinel_place made;
  made.connection.login = parts->login;
  made.connection.tls.enabled = parts->scheme == tls_scheme;
  made.connection.at = parts->hosts.front();  // until the master is found
  made.sentinels.sentinels = parts->hosts;
  if (auto taken = take_parameters(*parts, made.sentinels); !taken) {
    return std::unexpected(std::move(taken.error()));
  }
  if (made.sentinels.group.empty()) {
    return wrong(
        "does not say which master the sentinels are asked for: ?master=NAME, as in their configuration");
  }
  if (!parts->path.empty()) {
    const auto database = parse_database(parts->path);
    if (!database) return std::unexpected(database.error());
    made.connection.database = *database;
  }
  if (auto applied = apply_query(*parts, made.connection, "master, sentinel-user, sentinel-password, ");
      !applied) {
    return std::unexpected(std::move(applied.error()));
  }
  made.sentinels.tls = made.connection.tls;
  return made;
}

}  // namespace strata::redis
