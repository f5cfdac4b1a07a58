#pragma once
/// Stores over a test's own Redis, and waiting for them.
/// Threads: one.

#include "tests/redis/server.hpp"

#include <strata/open.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace strata::test {

using namespace std::chrono_literals;

/// What the guide lets an operator allow the gateway's user, and nothing more: docs/guide/redis.md.
inline std::vector<std::string> least_privilege(const std::string& user, const std::string& password,
                                                const std::string& name_space = "strata") {
  std::vector<std::string> words{"ACL", "SETUSER", user, "on", '>' + password, "resetkeys", "resetchannels"};
  words.push_back('~' + name_space + ":*");
  for (const auto* key :
       {"~strata-lease:*", "~strata-clock:*", "~strata-floors:*", "~strata-limit:*", "&strata-news:*"}) {
    words.emplace_back(key);
  }
  for (const auto* command :
       {"-@all",      "+hello", "+auth",   "+ping",   "+info", "+client|setname", "+client|tracking",
        "+subscribe", "+get",   "+set",    "+unlink", "+del",  "+getrange",       "+setrange",
        "+pexpire",   "+scan",  "+hget",   "+hmget",  "+hset", "+hscan",          "+time",
        "+publish",   "+eval",  "+evalsha"}) {
    words.emplace_back(command);
  }
  return words;
}

/// The same for every master of a cluster.
inline std::vector<std::string> least_privilege_in_a_cluster(const std::string& user,
                                                             const std::string& password,
                                                             const std::string& name_space = "strata") {
  auto words = least_privilege(user, password, name_space);
  words.insert(words.end(), {"+asking", "+cluster|info", "+cluster|nodes", "+cluster|myid"});
  return words;
}

/// The same for a user of the sentinels.
inline std::string least_privilege_of_sentinels(const std::string& user, const std::string& password) {
  return "user " + user + " on >" + password +
         " resetkeys resetchannels &+switch-master &+promoted-slave -@all +hello +auth +ping +info "
         "+client|setname +subscribe +sentinel|master +sentinel|get-master-addr-by-name +sentinel|sentinels";
}

inline store_health health_of(const store& of) {
  return dynamic_cast<const network_store&>(of).health();
}

/// Options that a busy machine does not make fail; tests of time set their own.
inline store_options patient_options() {
  return {.timeout = 20s, .trust_for = 20s, .heartbeat = 25ms};
}

/// Waits until `of` is usable and trusted. Fails the test, with the reason, if it does not become so.
inline void wait_until_up(const store& of, std::chrono::milliseconds patience = 20s) {
  const bool up = eventually(
      [&] {
        const auto now = health_of(of);
        return now.usable && now.trusted_until > system_clock().now();
      },
      patience);
  if (!up) ADD_FAILURE() << "the store does not come up: " << health_of(of).trouble;
}

inline std::shared_ptr<network_store> open_now(const std::string& url,
                                               store_options with = {.timeout = 20s}) {
  auto opened = open_store(url, with);
  if (!opened) throw std::runtime_error(opened.error().detail);
  wait_until_up(**opened);
  return std::move(*opened);
}

/// Returns when the observers of `of` know of every change made before: a reply arrives after the pushes of
/// the turn before it, and a heartbeat's reply after that.
inline void wait_until_notified(store& of, const std::string& name_space = "strata") {
  const auto key = name_space + ":of the wait";
  for (int i = 0; i < 3; ++i) sync_wait(of.get(key));
  const auto before = health_of(of).trusted_until;
  eventually([&] { return health_of(of).trusted_until > before; });
  sync_wait(of.get(key));
}

}  // namespace strata::test
