#include "redis/topology/memory_policy.hpp"

#include "redis/connection/info_field.hpp"

#include <charconv>
#include <string>
#include <utility>

namespace strata::redis {

result<void> check_version(const connection_info& about) {
  int major = 0;
  std::from_chars(about.version.data(), about.version.data() + about.version.size(), major);
  if (major >= 7) return {};
  return fail(errc::store_unavailable,
              "store: the server is " + about.server + ' ' + about.version +
                  "; the store needs Redis 7.0 or Valkey: older servers run no script while memory is full");
}

bool has_no_scripts(const resp::value& reply) {
  return reply.is_error() && reply.error().message.contains("unknown command");
}

namespace {

task<result<void>> check_scripts(client& of) {
  const auto reply = co_await of.execute(resp::command("EVAL").arg("return 1").arg("0"));
  if (!reply) co_return std::unexpected(reply.error());
  if (!has_no_scripts(*reply)) co_return result<void>();
  co_return fail(
      errc::invalid_argument,
      "store: the server knows no EVAL; the store needs Lua scripts: load the server's Lua module (Valkey "
      "9.1 may come without it), or use a server that has it built in");
}

task<result<void>> check_memory_policy(client& of) {
  const auto reply = co_await of.execute(resp::command("INFO").arg("memory"));
  if (!reply) co_return std::unexpected(reply.error());
  if (reply->is_error()) co_return result<void>();
  const auto policy = info_field(reply->text(), "maxmemory_policy");
  if (policy.starts_with("allkeys-")) {
    co_return fail(errc::invalid_argument,
                   "store: the server's maxmemory-policy is " + std::string(policy) +
                       ", which may evict the floors and the clock, and with them invalidations; set "
                       "maxmemory-policy to volatile-lru (every key that may be evicted has a TTL)");
  }
  co_return result<void>();
}

}  // namespace

task<result<void>> check_server(client& of) {
  auto scripts = check_scripts(of);
  auto done = co_await std::move(scripts);
  if (!done) co_return done;
  auto memory = check_memory_policy(of);
  co_return co_await std::move(memory);
}

}  // namespace strata::redis
