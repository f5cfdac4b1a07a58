/// The second level is away, slow, or restored from an old copy: no invalidation is lost, and no read waits
/// for it.

#include "engine/two_stages_test_support.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <random>
#include <thread>

namespace {

using namespace strata;
using namespace strata::engine_test;
using namespace std::chrono_literals;
using strata::testing::store_call;
using ::testing::ElementsAre;

/// What a process may do to have agent 1 read anew; the last one stores "new".
constexpr int ways = 8;
task<> invalidate(stage& by, int way) {
  switch (way) {
    case 0:
      co_await by.store.remove(by.agents("1"));
      break;
    case 1:
      co_await by.store.remove_by_tag("agents");
      break;
    case 2:
      co_await by.store.remove_by_prefix("agent");
      break;
    case 3:
      co_await by.store.remove_pattern("*:1");
      break;
    case 4:
      co_await by.store.clear();
      break;
    case 5:
      co_await by.store.expire(by.agents("1"));
      break;
    case 6: {
      invalidation several{.keys = {by.agents("1").key, key("other")}, .tags = {"agents"}};
      co_await by.store.invalidate(std::move(several));
      break;
    }
    default:
      co_await by.store.set(by.agents("1"), agent{"1", "new"});
  }
}

struct Outage : ::testing::Test {
  two_stages t;

  second_level_stats stats() { return t.a.store.stats().second_level; }
};

TEST_F(Outage, WhatCouldNotBeToldIsToldBeforeAnythingIsServed) {
  for (int way = 0; way < ways; ++way) {
    SCOPED_TRACE(way);
    const auto kept = way == 6 ? 3u : 1u;  // two keys and a tag
    two_stages of;
    of.read(of.b, "old");
    of.read(of.a, "old");
    of.below_a->fail({});
    sync_wait(invalidate(of.a, way));
    EXPECT_EQ(of.a.store.stats().second_level.backlog, kept);
    const auto away = of.read(of.a, "new");
    EXPECT_EQ(away->name, "new");
    EXPECT_EQ(away.info().reason, miss_reason::l2_down);
    of.below_a->heal();
    of.advance(200ms);
    EXPECT_EQ(of.a.store.stats().second_level.backlog, 0u);
    EXPECT_EQ(of.a.store.stats().second_level.delivered, kept);
    EXPECT_EQ(of.read(of.b, "new")->name, "new");
    EXPECT_EQ(of.read(of.a, "newer")->name, "new");
    EXPECT_EQ(of.a.store.stats().second_level.state, second_level_state::up);
  }
}

TEST_F(Outage, TheFirstReadAfterwardsRecoversAndIsServed) {
  t.read(t.b, "old");
  t.below_a->fail({.times = 1});
  sync_wait(t.a.store.remove(t.a.agents("1")));
  const auto read = t.read(t.a, "new");
  EXPECT_EQ(read->name, "new");
  EXPECT_TRUE(read.info().stored);
  EXPECT_EQ(t.read(t.b, "newer")->name, "new");
}

TEST_F(Outage, WhatMayOrMayNotHaveBeenToldIsToldAgain) {
  for (const bool done : {false, true}) {
    two_stages of;
    of.read(of.b, "old");
    of.below_a->drop({.call = store_call::invalidate, .times = 1, .after = done});
    const auto removed = of.begin(of.a, of.a.store.remove(of.a.agents("1")));
    EXPECT_FALSE(*removed);
    of.advance(200ms);
    EXPECT_TRUE(*removed);
    EXPECT_EQ(of.a.store.stats().second_level.timeouts, 1u);
    EXPECT_EQ(of.read(of.a, "new")->name, "new");
    EXPECT_EQ(of.read(of.b, "newer")->name, "new");
  }
}

TEST_F(Outage, AnAnswerThatIsTooLateChangesNothing) {
  t.read(t.b, "old");
  t.below_a->delay({.call = store_call::acquire, .times = 1});
  const auto reading = t.a.read_value("ours");
  t.advance(200ms);
  ASSERT_TRUE(reading->got);
  EXPECT_EQ((*reading->got)->name, "ours");
  EXPECT_EQ(reading->got->info().reason, miss_reason::l2_down);
  EXPECT_FALSE(reading->got->info().stored);
  t.below_a->let_go();
  t.settle();
  EXPECT_EQ(t.read(t.a, "never")->name, "old");
}

TEST_F(Outage, ALeaseThatIsGrantedTooLateIsGivenBack) {
  t.below_a->delay({.call = store_call::acquire, .times = 1});
  const auto reading = t.a.read_value("ours");
  t.advance(200ms);
  ASSERT_TRUE(reading->got);
  t.below_a->let_go();
  t.settle();
  const auto other = t.b.read_value("theirs");
  ASSERT_TRUE(other->got);
  EXPECT_TRUE(other->got->info().stored);
}

TEST_F(Outage, ALeaseThatIsGrantedWhenChangesWereMissedIsGivenBack) {
  t.below_a->delay({.call = store_call::acquire, .times = 1});
  const auto reading = t.a.read_value("ours");
  t.below_a->lose();
  t.below_a->let_go();
  t.settle();
  ASSERT_TRUE(reading->got);
  EXPECT_FALSE((*reading->got).info().stored);
  const auto other = t.b.read_value("theirs");
  ASSERT_TRUE(other->got);
  EXPECT_TRUE(other->got->info().stored);
}

TEST_F(Outage, ADroppedRemovalIsKeptAllTheSame) {
  t.read(t.b, "old");
  t.below_a->drop({.call = store_call::invalidate, .times = 1});
  {
    auto removal = t.a.store.remove(t.a.agents("1"));
    auto waiting = std::move(removal).operator co_await();
    waiting.await_suspend(std::noop_coroutine()).resume();
  }
  t.advance(200ms);
  EXPECT_EQ(t.read(t.a, "new")->name, "new");
  EXPECT_EQ(t.read(t.b, "newer")->name, "new");
}

TEST_F(Outage, AReadIsNotHeldUpByAStoreThatFailedOften) {
  t.below_a->drop({});
  for (int i = 0; i < 5; ++i) {
    const auto reading = t.a.read_value("x");
    EXPECT_FALSE(reading->got);
    t.advance(200ms);
    EXPECT_TRUE(reading->got);
  }
  EXPECT_EQ(stats().state, second_level_state::down);
  EXPECT_EQ(stats().breaker_opened, 1u);
  const auto calls = t.below_a->calls(store_call::acquire);
  const auto read = t.read(t.a, "y");
  EXPECT_EQ(read.info().reason, miss_reason::l2_down);
  EXPECT_EQ(t.below_a->calls(store_call::acquire), calls);
  t.below_a->heal();
  t.advance(5s);
  EXPECT_TRUE(t.read(t.a, "z").info().stored);
  EXPECT_EQ(stats().state, second_level_state::up);
}

TEST_F(Outage, MemoryIsServedWhileTheStoreIsAway) {
  t.read(t.a, "kept");
  t.below_a->fail({});
  for (int i = 0; i < 6; ++i) (void)sync_wait(t.a.store.get(t.a.agents("2")));
  EXPECT_EQ(stats().state, second_level_state::down);
  EXPECT_EQ(t.read(t.a, "never").info().from, layer::l1);
}

TEST_F(Outage, OnlyOneReadTriesTheStoreAfterwards) {
  t.below_a->fail({});
  for (int i = 0; i < 5; ++i) (void)sync_wait(t.a.store.get(t.a.agents("2")));
  t.below_a->heal();
  t.below_a->delay({});
  t.advance(5s);
  const auto before = t.below_a->calls(store_call::acquire);
  const auto first = t.a.read_value("x");
  EXPECT_FALSE(first->got);
  const auto second = t.a.read([] { return agent{"2", "y"}; }, "2");
  EXPECT_TRUE(second->got);
  EXPECT_EQ(t.below_a->calls(store_call::acquire), before + 1);
}

TEST_F(Outage, AStartWithoutTheStoreServesAndKnowsTheFloorsAfterwards) {
  t.read(t.b, "old");
  const auto below = t.behind(t.server);
  below->fail({});
  stage late({.ttl = 60s, .jitter = 0, .tags = {"agents"}}, {.second_level = below});
  EXPECT_EQ(t.read(late, "x").info().reason, miss_reason::l2_down);
  below->mute(true);
  sync_wait(t.b.store.remove_by_tag("agents"));
  below->mute(false);
  below->heal();
  late.advance(5s);
  EXPECT_EQ(t.read(late, "new")->name, "new");
  EXPECT_EQ(late.store.stats().second_level.state, second_level_state::up);
}

TEST_F(Outage, AServerThatWentBackInTimeIsToldAgain) {
  for (int way = 0; way < ways; ++way) {
    SCOPED_TRACE(way);
    two_stages of;
    of.read(of.b, "old");
    const auto raw = connect(of.server);
    const auto replica = *sync_wait(raw->get("strata:agent:1"));
    sync_wait(invalidate(of.a, way));
    // A replica with the old value and no floor takes over; B is not notified.
    of.server = make_memory_server(of.server_time);
    const auto taken_over = two_stages::behind(of.server);
    (void)sync_wait(taken_over->put("strata:agent:1", replica->bytes, 60s));
    (void)sync_wait(taken_over->acquire("lifts the counter", 1s, replica->asof));
    of.below_a->replace(connect(of.server));
    of.below_b->replace(connect(of.server));
    of.below_a->lose(true);
    of.below_b->lose(true);
    of.settle();
    stage late({.ttl = 60s, .jitter = 0, .tags = {"agents"}}, {.second_level = connect(of.server)});
    EXPECT_EQ(of.read(late, "new")->name, "new");
    EXPECT_EQ(of.read(of.a, "newer")->name, "new");
    EXPECT_EQ(of.read(of.b, "newest")->name, "new");
  }
}

TEST_F(Outage, TooManyKeptInvalidationsClearEverything) {
  two_stages of({.ttl = 60s, .jitter = 0}, {.backlog_budget = {2000}});
  of.read(of.b, "old");
  of.below_a->fail({});
  for (int i = 0; i < 100; ++i) sync_wait(of.a.store.remove(of.a.agents(std::to_string(i))));
  EXPECT_EQ(of.a.store.stats().second_level.overflows, 1u);
  EXPECT_EQ(of.a.store.stats().second_level.backlog, 1u);
  of.below_a->heal();
  of.advance(10s);
  EXPECT_EQ(of.read(of.b, "new")->name, "new");
  EXPECT_EQ(of.read(of.a, "newer")->name, "new");
}

TEST_F(Outage, WhatAStoreThatIsThereIsNotToldForLongClearsEverything) {
  t.read(t.b, "old");
  // It refuses one key for ever, as a cluster does with a slot that each node says another has.
  t.below_a->fail({.call = store_call::invalidate,
                   .when = [](store_call, std::string_view key) { return key == "strata:agent:1"; }});
  sync_wait(t.a.store.remove(t.a.agents("1")));
  for (int i = 0; i < 49; ++i) t.advance(100ms);
  EXPECT_EQ(stats().state, second_level_state::down);
  EXPECT_EQ(t.read(t.b, "new")->name, "old");  // no notification could reach it
  for (int i = 0; i < 70; ++i) t.advance(100ms);
  EXPECT_EQ(stats().state, second_level_state::up);
  EXPECT_EQ(stats().backlog, 0u);
  EXPECT_EQ(stats().overflows, 1u);
  EXPECT_EQ(t.read(t.b, "new")->name, "new");
  EXPECT_EQ(t.read(t.a, "newer")->name, "new");
}

TEST_F(Outage, WhatAStoreThatIsAwayIsNotToldClearsNothing) {
  t.read(t.b, "old");
  t.below_a->fail({});
  t.below_a->trust_until(t.a.time.now());
  sync_wait(t.a.store.remove(t.a.agents("2")));
  for (int i = 0; i < 300; ++i) t.advance(100ms);
  EXPECT_EQ(stats().backlog, 1u);
  t.below_a->heal();
  t.below_a->lose();
  t.below_a->trust_until(t.a.time.now() + 60s);
  t.settle();
  EXPECT_EQ(stats().backlog, 0u);
  EXPECT_EQ(stats().overflows, 0u);
  EXPECT_EQ(t.read(t.b, "new")->name, "old");
}

TEST_F(Outage, AReadOnItsWayCannotBringBackWhatCouldNotBeTold) {
  for (int way = 0; way < ways; ++way) {
    SCOPED_TRACE(way);
    two_stages of;
    // B is far ahead, and A has not heard of it.
    for (int i = 0; i < 1000; ++i) sync_wait(of.b.store.remove(of.b.agents("nobody")));
    of.read(of.b, "old");
    of.below_a->delay({.call = store_call::acquire, .times = 1, .after = true});
    const auto reading = of.a.read_value("never");
    of.below_a->fail({});
    sync_wait(invalidate(of.a, way));
    of.below_a->let_go();
    of.settle();
    EXPECT_EQ(of.read(of.a, "new")->name, "new");
    of.below_a->heal();
    of.advance(10s);
    EXPECT_EQ(of.read(of.a, "new")->name, "new");
    EXPECT_EQ(of.read(of.b, "newer")->name, "new");
  }
}

struct states : cache_observer {
  std::vector<second_level_state> seen;
  void on_second_level(second_level_state state) override { seen.push_back(state); }
};

TEST_F(Outage, IsToldToTheObserver) {
  const auto told = std::make_shared<states>();
  const auto below = two_stages::behind(t.server);
  stage s({.ttl = 60s, .jitter = 0}, {.second_level = below, .breaker_failures = 2, .observer = told});
  below->fail({.times = 2});
  (void)sync_wait(s.store.get(s.agents("1")));
  (void)sync_wait(s.store.get(s.agents("1")));
  s.advance(5s);
  (void)sync_wait(s.store.get(s.agents("1")));
  using enum second_level_state;
  EXPECT_THAT(told->seen, ElementsAre(up, down, up));
}

TEST_F(Outage, IsExplained) {
  t.below_a->fail({});
  sync_wait(t.a.store.remove(t.a.agents("1")));
  const auto told = sync_wait(t.a.store.explain(t.a.agents("1").key));
  EXPECT_EQ(told.levels[1].state, explanation::state::unreachable);
  EXPECT_EQ(told.levels[1].reason, miss_reason::l2_down);
  EXPECT_NE(told.levels[1].detail.find("1 invalidation"), std::string::npos) << told.levels[1].detail;
}

TEST_F(Outage, OptionsThatMakeNoSenseAreRefused) {
  EXPECT_THROW(cache({.l2_timeout = -1ms}), bad_options);
  EXPECT_THROW(cache({.breaker_open_for = -1ms}), bad_options);
}

TEST(OutageRaces, AProcessNeverReadsWhatIsOlderThanItsOwnWriteHoweverTheStoreFails) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  const auto server = make_memory_server();
  struct process {
    std::shared_ptr<strata::testing::faulty_store> below;
    cache level;
    std::atomic<std::int64_t> written = 0;
    process(const std::shared_ptr<memory_server>& server, std::uint64_t seed)
        : below(std::make_shared<strata::testing::faulty_store>(connect(server), seed)),
          level({.second_level = below, .l2_timeout = 0s, .breaker_failures = 2, .breaker_open_for = 1ms}) {
      below->fail({.probability = 0.03});
      below->fail({.probability = 0.03, .after = true});
    }
  };
  std::array<std::unique_ptr<process>, 2> processes;
  for (std::size_t i = 0; i < 2; ++i) processes[i] = std::make_unique<process>(server, seed + i);
  const entity<std::int64_t, "counter:{id}"> counters{{.tags = {"counters"}}};
  std::atomic<std::int64_t> database = 0;
  std::atomic<bool> stop = false;
  std::atomic<int> violations = 0;
  std::vector<std::thread> readers;
  for (unsigned i = 0; i < 3; ++i) {
    readers.emplace_back([&, i] {
      std::mt19937 random(seed + i);
      while (!stop) {
        auto& by = *processes[random() % 2];
        const auto at_least = by.written.load();
        const auto found = sync_wait(by.level.get_or_set(counters(1), [&] {
          const auto value = database.load();
          if (random() % 4 == 0) std::this_thread::yield();
          return value;
        }));
        if (*found < at_least) ++violations;
      }
    });
  }
  std::mt19937 random(seed);
  for (int i = 0; i < 600; ++i) {
    auto& by = *processes[random() % 2];
    auto ticket = sync_wait(by.level.begin_write(counters(1)));
    const auto version = ++database;
    if (random() % 64 == 0) by.below->lose(random() % 2 == 0);
    switch (random() % 3) {
      case 0:
        sync_wait(by.level.remove(counters(1)));
        break;
      case 1:
        sync_wait(by.level.remove_by_tag("counters"));
        break;
      default:
        sync_wait(by.level.set_committed(std::move(ticket), counters(1),
                                         std::make_shared<const std::int64_t>(version)));
    }
    by.written = version;
  }
  stop = true;
  for (auto& each : readers) each.join();
  EXPECT_EQ(violations, 0);
}

}  // namespace
