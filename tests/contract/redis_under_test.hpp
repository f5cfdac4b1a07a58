#pragma once
/// The store contract on real servers. `Setup` starts them and knows their URL. They start once for a suite;
/// each test has a name space of its own.

#include "tests/contract/store_contract.hpp"
#include "tests/redis/prefixed_store.hpp"
#include "tests/redis/store_support.hpp"

#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace strata::contract {

template <class Setup>
class redis_under_test {
 public:
  static void start_servers() { servers.emplace(); }
  static void stop_servers() { servers.reset(); }

  redis_under_test() {
    if (!servers) throw std::runtime_error("the servers have not started");
    if constexpr (requires { servers->admit(name_space_); }) servers->admit(name_space_);
  }

  std::shared_ptr<store> connect() {
    auto with = test::patient_options();
    with.name_space = name_space_;
    if constexpr (requires { Setup::tracked; }) with.tracked = Setup::tracked;
    std::shared_ptr<store> made = test::open_now(servers->url(), with);
    std::lock_guard lock(mutex_);
    opened_.push_back(made);
    return std::make_shared<test::prefixed_store>(std::move(made), name_space_ + ':');
  }
  void advance(duration by) { std::this_thread::sleep_for(by); }
  void settle() {
    for (const auto& each : opened_) test::wait_until_notified(*each, name_space_);
  }

 private:
  static inline std::optional<Setup> servers;
  static inline int tests = 0;

  const std::string name_space_ = "test" + std::to_string(++tests);
  std::mutex mutex_;
  std::vector<std::shared_ptr<store>> opened_;
};

/// Runs the words of an ACL command on `server`.
inline void allow(const test::redis_server& server, const std::vector<std::string>& words) {
  const auto done = server.call(words);
  if (!done.is_ok()) throw std::runtime_error(resp::to_text(done));
}

}  // namespace strata::contract
