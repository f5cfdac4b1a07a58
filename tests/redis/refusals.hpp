#pragma once
/// The ways in which a Redis that runs refuses commands.
/// Threads: one.

#include "tests/redis/server.hpp"

#include <filesystem>
#include <functional>
#include <future>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace strata::test {

enum class refusal {
  out_of_memory,      ///< OOM: noeviction, and no memory left
  failed_snapshot,    ///< MISCONF: it cannot save, so it takes no writes
  missing_replicas,   ///< NOREPLICAS
  read_only,          ///< READONLY: it has become a replica
  no_permission,      ///< NOPERM: the user may no longer run scripts
  busy_with_a_script  ///< BUSY: a script of another program does not end
};

/// Returns the reply, which must not be an error.
inline resp::value must(const redis_server& on, const std::vector<std::string>& words) {
  auto got = on.call(words);
  if (got.is_error()) throw std::runtime_error(words.front() + ": " + std::string(got.error().message));
  return got;
}

/// Sets options of the server, and returns what sets them back.
inline std::function<void()> set_for_a_while(
    const redis_server& on, const std::vector<std::pair<std::string, std::string>>& options) {
  std::vector<std::vector<std::string>> back;
  for (const auto& [name, value] : options) {
    const auto before = must(on, {"CONFIG", "GET", name});
    back.push_back({"CONFIG", "SET", name, std::string(before.items()[1].text())});
    must(on, {"CONFIG", "SET", name, value});
  }
  return [&on, back] {
    for (const auto& each : back) must(on, each);
  };
}

/// Lets `on` refuse commands until the returned function is called. Lifetime: `on` outlives that function.
inline std::function<void()> refuse(const redis_server& on, refusal how) {
  switch (how) {
    case refusal::out_of_memory:
      return set_for_a_while(on, {{"maxmemory-policy", "noeviction"}, {"maxmemory", "1"}});
    case refusal::failed_snapshot: {
      // A folder with the name of the dump cannot be replaced by it.
      const std::filesystem::path dump = on.file("dump.rdb");
      std::filesystem::remove_all(dump);
      std::filesystem::create_directories(dump / "in_the_way");
      auto back = set_for_a_while(on, {{"save", "3600 1000000"}});
      must(on, {"BGSAVE"});
      const bool failed = eventually(
          [&] { return on.call({"INFO", "persistence"}).text().contains("rdb_last_bgsave_status:err"); });
      if (!failed) throw std::runtime_error("the snapshot does not fail");
      return [dump, back] {
        back();
        std::filesystem::remove_all(dump);
      };
    }
    case refusal::missing_replicas:
      return set_for_a_while(on, {{"min-replicas-to-write", "9"}});
    case refusal::read_only:
      must(on, {"REPLICAOF", "127.0.0.1", "1"});
      return [&on] { must(on, {"REPLICAOF", "NO", "ONE"}); };
    case refusal::no_permission:
      must(on, {"ACL", "SETUSER", "default", "-eval", "-evalsha"});
      return [&on] { must(on, {"ACL", "SETUSER", "default", "+eval", "+evalsha"}); };
    case refusal::busy_with_a_script: {
      auto back = set_for_a_while(on, {{"busy-reply-threshold", "10"}});
      auto running =
          std::make_shared<std::future<resp::value>>(std::async(std::launch::async, [port = on.port()] {
            return plain_connection(port).call({"EVAL", "while true do end", "0"});
          }));
      const bool busy = eventually([&] { return on.call({"PING"}).is_error(); });
      if (!busy) throw std::runtime_error("the script does not run");
      return [&on, back, running] {
        must(on, {"SCRIPT", "KILL"});
        running->wait();
        back();
      };
    }
  }
  throw std::logic_error("no refusal");
}

}  // namespace strata::test
