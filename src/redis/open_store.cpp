/// The one file that knows all the parts, and puts them together from a URL.

#include "core/option_problems.hpp"
#include "redis/store/redis_store.hpp"
#include "redis/url/cluster_url.hpp"
#include "redis/url/sentinel_url.hpp"
#include "redis/url/url.hpp"

#include <strata/open.hpp>

#include <algorithm>

namespace strata {

namespace {

/// The store's options that the URL holds.
result<redis::redis_store_options> read(std::string_view url) {
  redis::redis_store_options out;
  if (redis::is_cluster_url(url)) {
    auto found = redis::parse_cluster_url(url);
    if (!found) return std::unexpected(std::move(found.error()));
    out.connection = std::move(found->connection);
    out.cluster.emplace().seeds = std::move(found->seeds);
    return out;
  }
  if (redis::is_sentinel_url(url)) {
    auto watched = redis::parse_sentinel_url(url);
    if (!watched) return std::unexpected(std::move(watched.error()));
    out.connection = std::move(watched->connection);
    out.found_by = std::move(watched->sentinels);
    return out;
  }
  auto one = redis::parse_url(url);
  if (!one) return std::unexpected(std::move(one.error()));
  out.connection = std::move(*one);
  return out;
}

/// `text` with stars in place of the bytes from `from` to `to`.
std::string starred(std::string_view text, std::size_t from, std::size_t to) {
  return std::string(text.substr(0, from)) + "***" + std::string(text.substr(to));
}

}  // namespace

result<std::shared_ptr<network_store>> open_store(std::string_view url, const store_options& options) {
  auto parsed = read(url);
  if (!parsed) return std::unexpected(std::move(parsed.error()));
  detail::option_problems problems;
  if (options.timeout <= duration::zero()) problems.add("store_options.timeout must be more than 0");
  if (options.heartbeat < std::chrono::milliseconds(1)) {
    problems.add("store_options.heartbeat must be at least 1 ms");
  }
  if (options.relayed && options.bound < 4 * options.heartbeat) {
    problems.add("store_options.bound must be at least 4 heartbeats");
  }
  if (options.trust_for < 4 * options.heartbeat) {
    problems.add("store_options.trust_for must be at least 4 heartbeats");
  }
  problems.throw_if_any();

  parsed->connection.request_timeout = options.timeout;
  parsed->connection.silence =
      std::max(parsed->connection.silence, options.timeout);  // a reply may take so long
  parsed->coherence.name_space = options.name_space;
  parsed->coherence.trust_for = options.trust_for;
  parsed->coherence.heartbeat = options.heartbeat;
  parsed->coherence.relayed = options.relayed;
  parsed->coherence.bound = options.bound;
  parsed->coherence.only_read = options.tracked == tracked_keys::read;
  if (options.log) parsed->coherence.log = options.log;
  return std::make_shared<redis::redis_store>(std::make_shared<redis::runtime>(), std::move(*parsed));
}

result<void> check_store_url(std::string_view url) {
  const auto parsed = read(url);
  if (!parsed) return std::unexpected(parsed.error());
  return {};
}

std::string without_password(std::string_view url) {
  std::string out(url);
  // Every parameter whose name may be that of a password, also if the name is percent-encoded.
  for (auto at = out.find('?'); at < out.size();) {
    auto end = std::min(out.find('&', at), out.size());
    const auto value = std::min(out.find('=', at), end);
    const auto name = std::string_view(out).substr(at, value - at);
    if (value < end && (name.contains("password") || name.contains('%'))) {
      out = starred(out, value + 1, end);
      end = std::min(out.find('&', value), out.size());
    }
    at = end + 1;
  }
  const auto authority = out.find("://");
  const auto at = out.rfind('@');
  if (authority == std::string::npos || at == std::string::npos || at < authority) return out;
  const auto colon = out.find(':', authority + 3);
  return colon == std::string::npos || colon > at ? out : starred(out, colon + 1, at);
}

}  // namespace strata
