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

/// Moves the parameters about the sentinels to `into`.
result<void> take_parameters(url_parts& from, sentinel_options& into) {
  const std::array<std::pair<std::string_view, std::string*>, 3> ours{
      {{"master", &into.group},
       {"sentinel-user", &into.login.user},
       {"sentinel-password", &into.login.password}}};
  for (const auto& [name, value] : ours) {
    const auto is_it = [&](const auto& each) { return each.first == name; };
    const auto count = std::ranges::count_if(from.query, is_it);
    if (count == 0) continue;
    if (count > 1) return url_error(fmt::format("repeats '{}'", name));
    *value = std::ranges::find_if(from.query, is_it)->second;
    if (value->empty()) return url_error(fmt::format("has no value for '{}'", name));
    std::erase_if(from.query, is_it);
  }
  return {};
}

}  // namespace

bool is_sentinel_url(std::string_view url) {
  const auto scheme = url.substr(0, url.find("://"));
  return scheme.size() < url.size() && (scheme == plain_scheme || scheme == tls_scheme);
}

result<sentinel_target> parse_sentinel_url(std::string_view url) {
  if (!is_sentinel_url(url)) return url_error("must begin with redis+sentinel:// or rediss+sentinel://");
  auto parts = split_url(url, sentinel_port);
  if (!parts) return std::unexpected(std::move(parts.error()));
  sentinel_target out;
  out.connection.login = parts->login;
  out.connection.tls.enabled = parts->scheme == tls_scheme;
  out.connection.at = parts->hosts.front();  // until the sentinels name the master
  out.sentinels.sentinels = parts->hosts;
  if (auto taken = take_parameters(*parts, out.sentinels); !taken) {
    return std::unexpected(std::move(taken.error()));
  }
  if (out.sentinels.group.empty()) {
    return url_error("must name the master as the sentinels' configuration does: ?master=NAME");
  }
  if (!parts->path.empty()) {
    const auto database = parse_database(parts->path);
    if (!database) return std::unexpected(database.error());
    out.connection.database = *database;
  }
  if (auto applied = apply_query(*parts, out.connection, "master, sentinel-user, sentinel-password, ");
      !applied) {
    return std::unexpected(std::move(applied.error()));
  }
  out.sentinels.tls = out.connection.tls;
  return out;
}

}  // namespace strata::redis
