/// What memory holds beside a server that reports changes: nothing that was read before a change that was
/// reported, or whose report may have been lost.

#include "tests/redis/proxy.hpp"
#include "tests/redis/store_support.hpp"

#include <strata/cache.hpp>
#include <strata/testing.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <memory>
#include <string>
#include <string_view>

namespace strata::redis {
namespace {

using namespace std::chrono_literals;
using strata::testing::faulty_store;
using strata::testing::store_call;
using test::eventually;
using test::open_now;

/// A cache whose connection can be cut and whose replies can be delayed, beside another process.
struct NearCache : ::testing::Test {
  const test::redis_server& server = test::shared_redis();
  test::proxy between{server.port()};
  std::shared_ptr<network_store> below =
      open_now("redis://127.0.0.1:" + std::to_string(between.port()), {.timeout = 5s});
  std::shared_ptr<faulty_store> held = std::make_shared<faulty_store>(below);
  cache ours{{.second_level = held, .l2_timeout = 30s}};
  cache theirs{{.second_level = open_now(server.url())}};
  entity<std::string, "page:{id}"> pages{{.ttl = 10min}};

  NearCache() {
    EXPECT_TRUE(eventually([&] { return in_use(ours) && in_use(theirs); }));
  }

  static bool in_use(const cache& which) {
    const auto now = which.stats().second_level;
    return now.state == second_level_state::up && now.coherent;
  }
  std::string read(cache& by, const char* source) {
    return *sync_wait(by.get_or_set(pages("1"), [source] { return std::string(source); }));
  }
  /// A read of ours that has its answer from the server, but does not know it yet.
  std::future<std::string> read_and_hold() {
    held->delay({.call = store_call::acquire, .times = 1, .after = true});
    auto reading = std::async(std::launch::async, [this] { return read(ours, "never asked for"); });
    EXPECT_TRUE(eventually([&] { return held->waiting() == 1; }));
    test::wait_until_notified(*below);  // replies come in order
    return reading;
  }
  /// Another process removes it while our connection is being lost: the push does not reach us.
  void remove_unheard() {
    const auto connections = below->health().connections;
    between.freeze();
    sync_wait(theirs.remove(pages("1")));
    between.cut_after(0);
    between.freeze(false);
    EXPECT_TRUE(eventually([&] { return below->health().connections > connections; }));
    // Trusted by what came over the new one, and so not by what came before.
    const auto trusted = system_clock().now() + store_options().trust_for;
    EXPECT_TRUE(eventually([&] { return below->health().trusted_until > trusted && in_use(ours); }));
  }
};

TEST_F(NearCache, WhatWasReadBeforeItsChangeWasToldDoesNotEnter) {
  ASSERT_EQ(read(theirs, "old"), "old");
  auto reading = read_and_hold();
  sync_wait(theirs.remove(pages("1")));
  test::wait_until_notified(*below);
  held->let_go();
  reading.wait();  // it had begun before, and may return either
  EXPECT_EQ(read(ours, "new"), "new");
}

TEST_F(NearCache, WhatWasReadOverAConnectionThatIsGoneDoesNotEnter) {
  ASSERT_EQ(read(theirs, "old"), "old");
  auto reading = read_and_hold();
  remove_unheard();
  held->let_go();
  EXPECT_NE(reading.get(), "old");  // the age of the reply is unknown, so it asked the source
  EXPECT_NE(read(ours, "new"), "old");
}

TEST_F(NearCache, WhatIsInMemoryEndsWithTheConnection) {
  ASSERT_EQ(read(ours, "old"), "old");
  remove_unheard();
  EXPECT_EQ(read(ours, "new"), "new");
}

TEST_F(NearCache, IsNotTrustedByAnswersThatTakeAsLongAsTheLease) {
  // An answer proves what was before the heartbeat before it was sent: here that is always too long ago.
  between.delay(200ms);
  const auto is_ever_trusted = [&](std::uint64_t questions) {
    bool ever = false;
    const auto asked = below->health().requests;
    EXPECT_TRUE(eventually([&] {
      const auto now = below->health();
      ever = ever || now.trusted_until > system_clock().now();
      return now.requests > asked + questions;
    }));
    return ever;
  };
  is_ever_trusted(4);  // what was on its way before
  EXPECT_FALSE(is_ever_trusted(8));
  EXPECT_TRUE(below->health().usable);
}

/// Counts losses.
struct loss_counter final : store_observer {
  void changed(std::string_view) override {}
  void floor_raised(floor_entry) override {}
  void lost(bool) override { ++losses; }
  void trust_until(time_point, time_point) override {}
  std::atomic<int> losses = 0;
};

TEST(NearCacheFlushed, IsToldOfItBeforeTheNextHeartbeat) {
  const auto& server = test::shared_redis();
  const auto store = open_now(server.url(), {.trust_for = 4s, .heartbeat = 1s});
  loss_counter observer;
  store->observe(observer);
  const auto scripts = [&] {
    const auto text = std::string(server.call({"INFO", "commandstats"}).text());
    const auto at = text.find("cmdstat_evalsha:calls=");
    return std::stoi(text.substr(at + 22));
  };
  // A busy machine may take longer than a heartbeat, but not each time.
  bool before_the_next = false;
  for (int i = 0; i < 10 && !before_the_next; ++i) {
    const auto beats = scripts();
    observer.losses = 0;
    EXPECT_TRUE(server.call({"FLUSHALL"}).is_ok());
    EXPECT_TRUE(eventually([&] { return observer.losses > 0; }));
    before_the_next = scripts() == beats;
  }
  EXPECT_TRUE(before_the_next);
  store->unobserve(observer);
}

}  // namespace
}  // namespace strata::redis
