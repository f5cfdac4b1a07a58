/// What only a real Redis shows.

#include "tests/contract/abandonable.hpp"
#include "tests/peers/support.hpp"
#include "tests/redis/store_support.hpp"

namespace strata::peers {
namespace {

/// A cache over a Redis of the test's own.
struct real {
  test::redis_server server;
  std::shared_ptr<store> second_level = test::open_now(server.url());
  run_loop front;
  strata::cache cache{{.second_level = second_level, .l2_timeout = 20s}};
};

enum class kind { get, get_or_set, set };

test::abandonable client(strata::cache& cache, kind of_call) {
  if (of_call == kind::get) {
    auto read = cache.get(number());
    (void)co_await std::move(read);
  } else if (of_call == kind::get_or_set) {
    auto read = cache.get_or_set(number(), [] { return 1; });
    (void)co_await std::move(read);
  } else {
    auto write = cache.set(number(), 1);
    (void)co_await std::move(write);
  }
}

// HybridCache RD: StampedeTests MostCancel, while Redis is paused
TEST(PeersOnRedis, ACallerMayLeaveWhileRedisIsPaused) {
  real r;
  r.server.pause();
  for (const auto each : {kind::get, kind::get_or_set, kind::set}) {
    auto leaving = client(r.cache, each);
    leaving.start(r.front);
    while (r.front.run_ready() != 0) continue;
    EXPECT_FALSE(leaving.done());
    leaving.destroy();
  }
  r.server.resume();
  const auto works = [&] {
    return sync_wait(r.cache.get_or_set(number("b"), [] { return 2; })).info().stored;
  };
  EXPECT_TRUE(test::eventually(works));
}

// bentocache NM: a custom prefix per store
TEST(PeersOnRedis, ANameSpaceThatTheStoreDoesNotServeIsRefused) {
  test::redis_server server;
  const auto shop = test::open_now(server.url(), {.name_space = "shop", .timeout = 20s});
  try {
    strata::cache wrong({.second_level = shop});
    ADD_FAILURE() << "the cache was made";
  } catch (const bad_options& refused) {
    EXPECT_NE(std::string(refused.what()).find("name_space"), std::string::npos) << refused.what();
  }
  strata::cache right({.second_level = shop, .name_space = "shop", .l2_timeout = 20s});
  EXPECT_TRUE(test::eventually([&] { return sync_wait(right.set(number(), 1)); }));
}

}  // namespace
}  // namespace strata::peers
