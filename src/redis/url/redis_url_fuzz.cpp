/// A URL is parsed or rejected; an error never repeats the password; every parsed value is in range.

#include "redis/url/cluster_url.hpp"
#include "redis/url/sentinel_url.hpp"
#include "redis/url/url.hpp"

#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string url(reinterpret_cast<const char*>(data), size);
  const auto parts = strata::redis::split_url(url);
  if (parts && (parts->hosts.empty() || parts->scheme.find(':') != std::string::npos)) std::abort();
  const auto got = strata::redis::parse_url(url);
  if (got) {
    if (!parts || (got->at.path.empty() && (got->at.host.empty() || got->at.port == 0))) std::abort();
    if (got->tls.certificate_file.empty() != got->tls.key_file.empty()) std::abort();
    if (strata::redis::to_text(got->at).empty()) std::abort();
  } else if (parts && parts->login.password.size() > 8 &&
             got.error().detail.find(parts->login.password) != std::string::npos) {
    std::abort();
  }
  const auto watched = strata::redis::parse_sentinel_url(url);
  if (watched) {
    const auto& [connection, sentinels] = *watched;
    if (!parts || sentinels.sentinels.size() != parts->hosts.size() || sentinels.group.empty()) std::abort();
    if (connection.tls != sentinels.tls || connection.login != parts->login) std::abort();
  } else if (parts && parts->login.password.size() > 8 &&
             watched.error().detail.find(parts->login.password) != std::string::npos) {
    std::abort();
  }
  const auto cluster = strata::redis::parse_cluster_url(url);
  if (cluster) {
    if (!parts || cluster->seeds != parts->hosts || cluster->connection.login != parts->login) std::abort();
    if (cluster->connection.database != 0) std::abort();
  } else if (parts && parts->login.password.size() > 8 &&
             cluster.error().detail.find(parts->login.password) != std::string::npos) {
    std::abort();
  }
  return 0;
}
