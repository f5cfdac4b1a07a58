#include "redis/topology/memory_policy.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

namespace strata::redis {

namespace {

/// The value of `name` in what INFO answers, or nothing.
std::optional<std::string> info_field(std::string_view info, std::string_view name) {
  while (!info.empty()) {
    const auto line = info.substr(0, info.find("\r\n"));
    if (line.size() > name.size() && line.starts_with(name) && line[name.size()] == ':') {
      return std::string(line.substr(name.size() + 1));
    }
    info.remove_prefix(std::min(info.size(), line.size() + 2));
  }
  return std::nullopt;
}

}  // namespace

result<void> check_version(const connection_info& about) {
  int major = 0;
  std::from_chars(about.version.data(), about.version.data() + about.version.size(), major);
  if (major >= 7) return {};
  return fail(errc::store_unavailable,
              "store: the server is " + about.server + ' ' + about.version +
                  "; Redis 7.0 or Valkey is needed: older ones run no script while memory is full");
}

task<result<void>> check_memory_policy(client& of) {
  const auto reply = co_await of.execute(resp::command("INFO").arg("memory"));
  if (!reply) co_return std::unexpected(reply.error());
  if (reply->is_error()) co_return result<void>();
  const auto policy = info_field(reply->text(), "maxmemory_policy");
  if (policy && policy->starts_with("allkeys-")) {
    co_return fail(errc::store_unavailable,
                   "store: the server's maxmemory-policy is " + *policy +
                       ", which may evict the floors and the clock, and with them invalidations; set "
                       "maxmemory-policy to volatile-lru (everything that may go has a time to live)");
  }
  co_return result<void>();
}

}  // namespace strata::redis
