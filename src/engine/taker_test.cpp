/// Reads that remove what they return, and invalidations of many keys.

#include "engine/two_stages_test_support.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace {

using namespace strata;
using engine_test::agent;
using engine_test::failing;
using engine_test::fixture;
using engine_test::stage;
using engine_test::two_stages;
using namespace std::chrono_literals;

const policy plain{.ttl = 60s, .jitter = 0};

TEST(Take, ReturnsTheValueOnce) {
  fixture f;
  f.read("1", "once");
  EXPECT_EQ(sync_wait(f.cache.take(f.agents("1")))->name, "once");
  const auto again = sync_wait(f.cache.take(f.agents("1")));
  EXPECT_EQ(again.outcome(), read_outcome::missed);
  EXPECT_EQ(again.info().reason, miss_reason::removed);
  EXPECT_EQ(f.read("1", "next")->name, "next");
}

TEST(Take, ReturnsNoValueThatIsNotFresh) {
  stage s({.ttl = 60s, .jitter = 0, .fail_safe = true});
  s.read_value("old");
  s.advance(60s);
  EXPECT_FALSE(sync_wait(s.store.take(s.agents("1"))));
  EXPECT_TRUE(s.read(failing)->thrown) << "it is gone for fail-safe, too";
}

TEST(Take, ReturnsAnAbsence) {
  fixture f;
  sync_wait(f.cache.set_absent(f.agents("1")));
  EXPECT_TRUE(sync_wait(f.cache.take(f.agents("1"))).known_absent());
  EXPECT_FALSE(sync_wait(f.cache.get(f.agents("1"))).known_absent());
}

TEST(Take, OneOfManyThreadsGetsTheValue) {
  fixture f;
  for (int round = 0; round < 200; ++round) {
    f.read("1", "once");
    std::atomic<int> got = 0;
    {
      std::vector<std::jthread> takers;
      for (int taker = 0; taker < 4; ++taker) {
        takers.emplace_back([&] { got += sync_wait(f.cache.take(f.agents("1"))) ? 1 : 0; });
      }
    }
    ASSERT_EQ(got, 1) << round;
  }
}

TEST(Take, OneOfTwoProcessesGetsTheValue) {
  two_stages p(plain);
  two_stages::read(p.a, "once");
  EXPECT_TRUE(sync_wait(p.b.store.get(p.b.agents("1"))));
  // Both have asked before the first is answered.
  p.below_a->delay({.call = strata::testing::store_call::take});
  p.below_b->delay({.call = strata::testing::store_call::take});
  int got = 0;
  const auto taken = [&](completion<lookup<agent>> read) { got += *read ? 1 : 0; };
  start(&p.a.front, p.a.store.take(p.a.agents("1")), taken);
  start(&p.b.front, p.b.store.take(p.b.agents("1")), taken);
  p.below_a->let_go();
  p.below_b->let_go();
  p.settle();
  EXPECT_EQ(got, 1);
}

TEST(Take, AFillThatBeganBeforeDoesNotBringTheValueBack) {
  two_stages p(plain);
  async_latch loaded;
  const auto read = p.b.read([&]() -> task<agent> {
    co_await loaded.wait();
    co_return agent{"1", "late"};
  });
  EXPECT_FALSE(sync_wait(p.a.store.take(p.a.agents("1"))));
  loaded.set();
  p.settle();
  EXPECT_FALSE(read->got->info().stored);
  for (auto* by : {&p.a, &p.b}) EXPECT_FALSE(sync_wait(by->store.get(by->agents("1"))));
}

TEST(Take, WithoutTheStoreNoCallerGetsTheValueAndItIsRemovedLater) {
  two_stages p(plain);
  two_stages::read(p.a, "once");
  p.below_a->fail({});
  const auto read = sync_wait(p.a.store.take(p.a.agents("1")));
  EXPECT_FALSE(read);
  EXPECT_EQ(read.info().reason, miss_reason::l2_down);
  p.below_a->heal();
  p.below_a->lose();
  for (int second = 0; second < 12; ++second) p.advance(1s);
  EXPECT_FALSE(sync_wait(p.b.store.take(p.b.agents("1"))));
}

TEST(Take, AValueThatMayNotLeaveTheProcessIsTakenFromMemory) {
  two_stages p({.ttl = 60s, .jitter = 0, .sensitive = true});
  two_stages::read(p.a, "secret");
  EXPECT_EQ(sync_wait(p.a.store.take(p.a.agents("1")))->name, "secret");
  EXPECT_FALSE(sync_wait(p.a.store.take(p.a.agents("1"))));
}

TEST(ManyKeys, AreRemovedAndExpiredInOneRoundTrip) {
  two_stages p({.ttl = 60s, .jitter = 0, .fail_safe = true});
  auto& store = p.a.store;
  const std::vector keys{p.a.agents("1"), p.a.agents("2"), p.a.agents("1")};
  for (const bool expire : {true, false}) {
    for (const auto& key : keys) sync_wait(store.set(key, agent{"1", "old"}));
    for (const auto& key : keys) EXPECT_TRUE(sync_wait(p.b.store.get(key)));
    const auto before = store.stats().l2_round_trips;
    EXPECT_TRUE(sync_wait(expire ? store.expire(keys) : store.remove(keys)).delivered);
    EXPECT_EQ(store.stats().l2_round_trips, before + 1);
    for (const auto& key : keys) {
      EXPECT_FALSE(sync_wait(store.get(key)));
      EXPECT_FALSE(sync_wait(p.b.store.get(key)));
    }
    EXPECT_EQ(p.a.read(failing)->got.has_value(), expire) << "an expired value may stand in";
  }
}

}  // namespace
