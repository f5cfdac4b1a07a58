#pragma once
/// The store contract over real servers; `Setup` has them and says how they are reached.

#include "tests/contract/store_contract.hpp"
#include "tests/redis/prefixed_store.hpp"
#include "tests/redis/store_support.hpp"

#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace strata::contract {

template <class Setup>
struct redis_under_test {
  Setup setup;
  std::mutex mutex;
  std::vector<std::shared_ptr<store>> opened;

  std::shared_ptr<store> connect() {
    store_options with;
    if constexpr (requires { setup.tracked; }) with.tracked = setup.tracked;
    std::shared_ptr<store> made = test::open_now(setup.url(), with);
    std::lock_guard lock(mutex);
    opened.push_back(made);
    return std::make_shared<test::prefixed_store>(std::move(made), "strata:");
  }
  void advance(duration by) { std::this_thread::sleep_for(by); }
  void settle() {
    for (const auto& each : opened) test::wait_until_told(*each);
  }
};

}  // namespace strata::contract
