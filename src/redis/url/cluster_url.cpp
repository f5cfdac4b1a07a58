#include "redis/url/cluster_url.hpp"

#include "redis/url/url.hpp"

namespace strata::redis {

namespace {

constexpr std::string_view plain = "redis+cluster";
constexpr std::string_view secure = "rediss+cluster";

std::unexpected<error> wrong(std::string_view why) {
  return fail(errc::invalid_argument, "the Redis URL " + std::string(why));
}

}  // namespace

bool is_cluster_url(std::string_view url) noexcept {
  const auto scheme = url.substr(0, url.find("://"));
  return scheme == plain || scheme == secure;
}

result<cluster_place> parse_cluster_url(std::string_view url) {
  constexpr std::size_t most_seeds = 32;
  auto parts = split_url(url);
  if (!parts) return std::unexpected(std::move(parts.error()));
  if (!is_cluster_url(url)) return wrong("begins with redis+cluster:// or rediss+cluster://");
  if (!parts->path.empty()) return wrong("of a cluster has no database: a cluster has only one");
  if (parts->hosts.size() > most_seeds) return wrong("names more than 32 hosts; some nodes are enough");
  cluster_place made;
  made.connection.login = parts->login;
  made.connection.tls.enabled = parts->scheme == secure;
  if (auto applied = apply_query(*parts, made.connection); !applied) {
    return std::unexpected(std::move(applied.error()));
  }
  made.seeds = std::move(parts->hosts);
  return made;
}

}  // namespace strata::redis
