/// Which values in memory may be served while the store may report changes late.

#include "engine/engine_test_support.hpp"
#include "engine/two_stages_test_support.hpp"

#include <gtest/gtest.h>

namespace {

using namespace strata;
using namespace strata::engine_test;
using namespace std::chrono_literals;
using strata::testing::store_call;

struct CoherenceLease : ::testing::Test {
  two_stages t;
  time_point in(duration span) const { return t.a.time.now() + span; }
};

TEST_F(CoherenceLease, AHitIsServedOnlyWhileChangesAreTold) {
  t.read(t.a, "old");
  t.below_a->trust_until(in(2s));
  t.advance(1s);
  EXPECT_EQ(t.read(t.a, "new").info().from, layer::l1);
  t.advance(1s);
  const auto read = t.read(t.a, "new");
  EXPECT_EQ(read->name, "new");
  EXPECT_EQ(read.info().from, layer::source);
  EXPECT_EQ(read.info().reason, miss_reason::not_coherent);
  EXPECT_FALSE(t.a.store.stats().second_level.coherent);
}

TEST_F(CoherenceLease, AHitIsServedAgainOnceChangesAreToldAgain) {
  t.read(t.a, "old");
  t.below_a->trust_until(in(1s));
  t.advance(5s);
  t.below_a->trust_until(in(1s));
  const auto read = t.read(t.a, "new");
  EXPECT_EQ(read->name, "old");
  EXPECT_EQ(read.info().from, layer::l1);
}

TEST_F(CoherenceLease, WhatAProcessWasNotToldOfIsNotServedFromEitherLevel) {
  for (int way = 0; way < 3; ++way) {
    two_stages of;
    of.read(of.a, "old");
    of.below_a->mute(true);
    of.below_a->trust_until(of.a.time.now() + 100ms);
    switch (way) {
      case 0:
        sync_wait(of.b.store.remove(of.b.agents("1")));
        break;
      case 1:
        sync_wait(of.b.store.remove_by_tag("agents"));
        break;
      default:
        sync_wait(of.b.store.remove_by_prefix("agent"));
    }
    of.advance(100ms);
    EXPECT_EQ(of.read(of.a, "new")->name, "new") << way;
  }
}

TEST_F(CoherenceLease, AFloorThatWasMissedIsKnownBeforeL2IsServedAgain) {
  t.read(t.b, "old");
  t.below_a->mute(true);
  t.below_a->trust_until(in(100ms));
  sync_wait(t.b.store.remove_by_tag("agents"));
  t.advance(1s);
  t.below_a->mute(false);
  t.below_a->lose();
  t.below_a->trust_until(in(100ms));
  EXPECT_EQ(t.read(t.a, "new")->name, "new");
}

TEST_F(CoherenceLease, NothingReadBeforeALossIsServedAfterIt) {
  t.read(t.a, "old");
  t.below_a->mute(true);
  sync_wait(t.b.store.set(t.b.agents("1"), agent{"1", "new"}));
  t.below_a->mute(false);
  EXPECT_EQ(t.read(t.a, "never")->name, "old");
  t.below_a->lose();
  EXPECT_EQ(t.read(t.a, "never")->name, "new");
  EXPECT_EQ(t.a.store.stats().second_level.losses, 1u);
}

TEST_F(CoherenceLease, AnAnswerFromBeforeALossIsDropped) {
  t.read(t.b, "old");
  t.below_a->delay({.call = store_call::acquire, .times = 1, .after = true});
  const auto reading = t.a.read_value("new");
  EXPECT_FALSE(reading->got);
  t.below_a->lose();
  t.below_a->let_go();
  t.settle();
  ASSERT_TRUE(reading->got);
  EXPECT_EQ((*reading->got)->name, "new");
  EXPECT_EQ(reading->got->info().from, layer::source);
}

TEST_F(CoherenceLease, AValueFromL2ThatChangedOnItsWayIsNotKept) {
  t.read(t.b, "old");
  t.below_a->delay({.call = store_call::acquire, .times = 1, .after = true});
  const auto reading = t.a.read_value("never");
  sync_wait(t.b.store.set(t.b.agents("1"), agent{"1", "new"}));
  t.below_a->let_go();
  t.settle();
  ASSERT_TRUE(reading->got);
  EXPECT_EQ((*reading->got)->name, "old") << "the read began before the write";
  EXPECT_EQ(t.read(t.a, "never")->name, "new");
}

TEST_F(CoherenceLease, AValueMarkedStaleIsServedWhereThePolicyAllows) {
  two_stages of({.ttl = 60s, .jitter = 0, .stale_while_revalidate = 10s});
  of.read(of.a, "old");
  of.below_a->trust_until(of.a.time.now() + 1s);
  of.advance(2s);
  const auto pending = of.a.read_value("new");
  ASSERT_TRUE(pending->got);
  EXPECT_EQ((*pending->got)->name, "old");
  EXPECT_TRUE(pending->got->info().stale);
  EXPECT_EQ(pending->got->info().ttl, duration::zero());
  of.advance(9s);
  EXPECT_FALSE(of.read(of.a, "newest").info().stale) << "10 s after we were last told";
}

TEST_F(CoherenceLease, FailSafeServesWhatIsNotToldOfWhenTheSourceFails) {
  two_stages of({.ttl = 60s, .jitter = 0, .fail_safe = true, .grace = 10s, .throttle = 1s});
  of.read(of.a, "old");
  of.below_a->trust_until(of.a.time.now());
  const auto read = of.a.read(failing);
  ASSERT_TRUE(read->got);
  EXPECT_EQ((*read->got)->name, "old");
  EXPECT_TRUE(read->got->info().stale);
  of.advance(11s);
  EXPECT_TRUE(of.a.read(failing)->thrown);
}

TEST_F(CoherenceLease, NoReadWaitsForAFillThatWouldNotBeReported) {
  const auto raw = connect(t.server);
  (void)sync_wait(raw->acquire("strata:agent:1", 30s, 0));
  t.below_a->trust_until(in(300ms));
  const auto reading = t.a.read_value("ours");
  EXPECT_FALSE(reading->got) << "another process is filling";
  t.advance(300ms);
  ASSERT_TRUE(reading->got);
  EXPECT_EQ((*reading->got)->name, "ours");
}

TEST_F(CoherenceLease, AStoreThatWasSilentIsUsedAsSoonAsItAnswersAgain) {
  t.read(t.a, "old");
  t.below_a->trust_until(t.a.time.now() + 1s);
  t.below_a->fail({});
  for (int i = 0; i < 5; ++i) (void)sync_wait(t.a.store.get(t.a.agents("2")));
  sync_wait(t.a.store.remove_by_tag("agents"));
  EXPECT_EQ(t.a.store.stats().second_level.state, second_level_state::down);
  t.below_a->heal();
  t.advance(2s);  // the breaker rests for 5 s
  EXPECT_EQ(t.a.store.stats().second_level.state, second_level_state::down);
  t.below_a->trust_until(t.a.time.now() + 1s);
  t.settle();
  EXPECT_EQ(t.a.store.stats().second_level.state, second_level_state::up)
      << "the store has reported the changes that this process missed";
}

TEST_F(CoherenceLease, ExplainNamesTheMissingTrust) {
  t.read(t.a, "old");
  t.below_a->trust_until(in(1s));
  t.advance(1s);
  const auto told = sync_wait(t.a.store.explain(t.a.agents("1").key));
  EXPECT_EQ(told.levels[0].state, explanation::state::invalid);
  EXPECT_EQ(told.levels[0].reason, miss_reason::not_coherent);
  EXPECT_EQ(told.levels[1].reason, miss_reason::not_coherent);
}

TEST(RelayedCache, TrustsItsMemoryOnlyForAsLongAsTheRelaySays) {
  fixture alone({.relayed = true});
  EXPECT_EQ(alone.read("1", "a").info().from, layer::source);
  EXPECT_EQ(alone.read("1", "b").info().reason, miss_reason::not_coherent);
  coherence_control(alone.cache).trust(alone.time.now() + 300ms, alone.time.now());
  EXPECT_EQ(alone.read("1", "c")->name, "b");
  alone.time.advance(300ms);
  EXPECT_EQ(alone.read("1", "d")->name, "d");
  coherence_control(alone.cache).trust(alone.time.now() + 300ms, alone.time.now());
  EXPECT_EQ(alone.read("1", "e")->name, "d");
}

/// A clock whose coarse time stands still until the test moves it.
struct late_clock final : clock {
  time_point now() const noexcept override { return exact.now(); }
  time_point coarse_now() const noexcept override { return coarse; }
  wall_time wall() const noexcept override { return exact.wall(); }

  strata::testing::manual_clock exact;
  time_point coarse = exact.now();
};

TEST(RelayedCache, TrustsItsMemoryNoLongerThoughItsCoarseClockIsLate) {
  for (const auto late : {1ms, 10ms, 99ms}) {
    late_clock time;
    cache store(cache_options{.relayed = true, .seed = 1, .time = &time});
    const entity<agent, "agent:{id}"> agents{{.ttl = 60s, .jitter = 0}};
    const auto read = [&](const char* name) {
      return sync_wait(store.get_or_set(agents("1"), [&] { return agent{.id = "1", .name = name}; }))->name;
    };
    coherence_control(store).trust(time.now() + 300ms, time.now());
    EXPECT_EQ(read("a"), "a");
    time.exact.advance(299ms);
    time.coarse = time.now() - late;
    EXPECT_EQ(read("b"), "a");
    time.exact.advance(1ms);
    EXPECT_EQ(read("c"), "c") << late.count();
  }
}

TEST(RelayedCache, IsOneWithoutASecondLevel) {
  EXPECT_THROW(cache({.second_level = connect(make_memory_server()), .relayed = true}), bad_options);
}

}  // namespace
