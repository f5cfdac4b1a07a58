#include "redis/url/cluster_url.hpp"

#include "redis/url/url.hpp"

namespace strata::redis {

namespace {

constexpr std::string_view plain = "redis+cluster";
constexpr std::string_view secure = "rediss+cluster";

}  // namespace

bool is_cluster_url(std::string_view url) noexcept {
  const auto scheme = url.substr(0, url.find("://"));
  return scheme == plain || scheme == secure;
}

result<cluster_target> parse_cluster_url(std::string_view url) {
  constexpr std::size_t max_seeds = 32;
  auto parts = split_url(url);
  if (!parts) return std::unexpected(std::move(parts.error()));
  if (!is_cluster_url(url)) return url_error("must begin with redis+cluster:// or rediss+cluster://");
  if (!parts->path.empty()) return url_error("of a cluster must not name a database: a cluster has only one");
  if (parts->hosts.size() > max_seeds) return url_error("names more than 32 hosts; a few nodes are enough");
  cluster_target out;
  out.connection.login = parts->login;
  out.connection.tls.enabled = parts->scheme == secure;
  if (auto applied = apply_query(*parts, out.connection); !applied) {
    return std::unexpected(std::move(applied.error()));
  }
  out.seeds = std::move(parts->hosts);
  return out;
}

}  // namespace strata::redis
