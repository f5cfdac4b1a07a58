/// Refreshes: when they run, what they replace, and what a failed one leaves.

#include "engine/two_stages_test_support.hpp"

#include <gtest/gtest.h>

namespace {

using namespace strata;
using engine_test::agent;
using engine_test::failing;
using engine_test::stage;
using engine_test::two_stages;
using namespace std::chrono_literals;

const policy hourly{.ttl = 1h, .jitter = 0, .fail_safe = true};

policy with(policy rules, auto change) {
  change(rules);
  return rules;
}

/// A source with one value that counts its reads, and is slow while it is held.
struct source {
  std::string value = "1";
  int calls = 0;
  async_latch go;

  auto held() {
    return [this]() -> task<agent> {
      ++calls;
      agent out{"1", value};
      co_await go.wait();
      co_return out;
    };
  }
  auto now() {
    return [this] {
      ++calls;
      return agent{"1", value};
    };
  }
};

template <class F>
std::shared_ptr<stage::pending> refresh(stage& s, F factory) {
  auto out = std::make_shared<stage::pending>();
  start(&s.front, s.store.refresh(s.agents("1"), std::move(factory)), [out](completion<lookup<agent>> read) {
    if (read) {
      out->got = std::move(*read);
    } else {
      out->thrown = read.error();
    }
  });
  s.settle();
  return out;
}

lookup<agent> cached(stage& s) {
  return sync_wait(s.store.get(s.agents("1")));
}

// A failed refresh.

TEST(FailedRefresh, LeavesAFreshValueItsTime) {
  stage s(with(hourly, [](policy& p) { p.eager_refresh = 0.5; }));
  sync_wait(s.store.set(s.agents("1"), agent{"1", "old"}));
  s.advance(31min);
  s.read(failing);
  EXPECT_FALSE(cached(s).info().stale);
  EXPECT_EQ(cached(s).info().ttl, duration(29min));
  s.advance(28min);
  EXPECT_EQ(cached(s)->name, "old");
  EXPECT_FALSE(cached(s).info().stale);
  s.advance(1min);
  EXPECT_FALSE(cached(s));
}

TEST(FailedRefresh, OnDemandReturnsTheFreshValueAndChangesNothing) {
  stage s(hourly);
  sync_wait(s.store.set(s.agents("1"), agent{"1", "old"}));
  s.advance(31min);
  const auto failed = refresh(s, failing);
  ASSERT_TRUE(failed->got);
  EXPECT_EQ((*failed->got)->name, "old");
  EXPECT_TRUE(failed->got->info().stale) << "it is not what the source has now";
  EXPECT_FALSE(cached(s).info().stale);
  EXPECT_EQ(cached(s).info().ttl, duration(29min));
}

TEST(FailedRefresh, FallsBackOnWhatOnlyTheSecondLevelHas) {
  two_stages both(hourly);
  sync_wait(both.a.store.set(both.a.agents("1"), agent{"1", "old"}));
  const auto failed = refresh(both.b, failing);
  ASSERT_TRUE(failed->got);
  EXPECT_EQ((*failed->got)->name, "old");
  EXPECT_FALSE(cached(both.b).info().stale);
}

TEST(FailedRefresh, IsTriedAgainAfterASecondWithoutFailSafe) {
  stage s({.ttl = 10s, .jitter = 0, .stale_while_revalidate = 25s});
  s.read_value("old");
  s.advance(11s);
  int calls = 0;
  const auto down = [&]() -> agent {
    ++calls;
    throw std::domain_error("down");
  };
  s.read(down);
  s.read(down);
  EXPECT_EQ(calls, 1);
  s.advance(1s);
  s.read(down);
  EXPECT_EQ(calls, 2) << "throttle belongs to fail-safe";
}

// Which reads take it.

struct DueRefresh : ::testing::TestWithParam<policy> {};

TEST_P(DueRefresh, IsNotTakenByAReadWithoutAFactory) {
  stage s(GetParam());
  source db;
  s.read(db.now());
  s.advance(11s);
  EXPECT_TRUE(cached(s));
  EXPECT_EQ(sync_wait(s.store.get_many(std::vector{s.agents("1")})).size(), 1u);
  sync_wait(s.store.get_or_set_many(std::vector{s.agents("1")}, [](std::span<const std::size_t>) {
    return std::vector<std::optional<agent>>{};
  }));
  db.value = "2";
  s.read(db.now());
  EXPECT_EQ(db.calls, 2);
  EXPECT_EQ(cached(s)->name, "2");
}

INSTANTIATE_TEST_SUITE_P(EveryWay, DueRefresh,
                         ::testing::Values(policy{.ttl = 20s, .jitter = 0, .eager_refresh = 0.5},
                                           policy{.ttl = 10s, .jitter = 0, .stale_while_revalidate = 20s}));

// On demand.

TEST(RefreshOnDemand, DoesNotTakeWhatAFillHadReadBefore) {
  stage s({.ttl = 1h, .jitter = 0});
  source db;
  const auto fill = s.read(db.held());
  db.value = "2";
  const auto refreshed = refresh(s, db.now());
  ASSERT_TRUE(refreshed->got);
  EXPECT_EQ((*refreshed->got)->name, "2");
  db.go.set();
  s.settle();
  EXPECT_EQ((*fill->got)->name, "1") << "it began before";
  EXPECT_EQ(cached(s)->name, "2") << "the older read ended later";
}

TEST(RefreshOnDemand, IsNotOvertakenByAnOlderReadThoughMemoryHasLostItsValue) {
  stage s({.ttl = 1h, .jitter = 0});
  source db;
  s.read(db.held());
  db.value = "2";
  refresh(s, [&](fill_context& fill) {
    fill.set_ttl(1s);
    return agent{"1", db.value};
  });
  s.advance(2s);
  s.store.maintain();
  db.go.set();
  s.settle();
  EXPECT_FALSE(cached(s));
}

TEST(RefreshOnDemand, RunsOneMoreForAllWhoAskWhileOneReads) {
  stage s({.ttl = 1h, .jitter = 0});
  source db;
  const auto first = refresh(s, db.held());
  db.value = "2";
  std::vector<std::shared_ptr<stage::pending>> later;
  for (int i = 0; i < 100; ++i) later.push_back(refresh(s, db.now()));
  EXPECT_EQ(db.calls, 1);
  db.go.set();
  s.settle();
  EXPECT_EQ(db.calls, 2);
  EXPECT_EQ((*first->got)->name, "1");
  for (const auto& each : later) EXPECT_EQ((*each->got)->name, "2");
}

TEST(RefreshOnDemand, WaitsForAnotherASecondAtMost) {
  stage s({.ttl = 1h, .jitter = 0});
  source db;
  refresh(s, db.held());
  db.value = "2";
  const auto later = refresh(s, db.now());
  s.advance(999ms);
  EXPECT_FALSE(later->got);
  s.advance(1ms);
  ASSERT_TRUE(later->got);
  EXPECT_EQ((*later->got)->name, "2");
  db.go.set();
  s.settle();
  EXPECT_EQ(cached(s)->name, "2");
}

TEST(RefreshOnDemand, OvertakesTheFillOfAnotherProcess) {
  two_stages both({.ttl = 1h, .jitter = 0});
  source db;
  const auto fill = both.a.read(db.held());
  db.value = "2";
  const auto refreshed = refresh(both.b, db.now());
  ASSERT_TRUE(refreshed->got);
  EXPECT_EQ((*refreshed->got)->name, "2");
  db.go.set();
  both.settle();
  EXPECT_TRUE(fill->got);
  EXPECT_EQ(cached(both.a)->name, "2");
  EXPECT_EQ(cached(both.b)->name, "2");
}

TEST(RefreshOnDemand, LeavesNothingOlderThatAnotherProcessStoredMeanwhile) {
  two_stages both({.ttl = 1h, .jitter = 0});
  source theirs;
  both.b.read(theirs.held());
  source ours;
  ours.value = "2";
  both.below_a->fail({.call = strata::testing::store_call::acquire, .times = 1});
  const auto refreshed = refresh(both.a, ours.held());
  theirs.go.set();
  both.settle();
  EXPECT_EQ(cached(both.b)->name, "1");
  ours.go.set();
  both.settle();
  ASSERT_TRUE(refreshed->got);
  EXPECT_EQ((*refreshed->got)->name, "2");
  EXPECT_FALSE(cached(both.a)) << "it had not reached the second level";
}

// A refresh whose result is not stored.

struct unstored_result {
  const char* name;
  std::optional<agent> (*factory)(fill_context&);
};

struct UnstoredRefresh : ::testing::TestWithParam<unstored_result> {
  static constexpr policy rules{
      .ttl = 1h, .negative_ttl = 0s, .jitter = 0, .max_size = {2000}, .fail_safe = true};
};

TEST_P(UnstoredRefresh, LeavesNoFreshOldValue) {
  stage s(rules);
  s.read_value("old");
  s.advance(1s);
  refresh(s, GetParam().factory);
  EXPECT_FALSE(cached(s));
}

TEST_P(UnstoredRefresh, LeavesNoFreshOldValueWhenItRunsEarly) {
  stage s(with(rules, [](policy& p) { p.eager_refresh = 0.5; }));
  s.read_value("old");
  s.advance(31min);
  s.read(GetParam().factory);
  EXPECT_FALSE(cached(s));
}

TEST_P(UnstoredRefresh, LeavesNoFreshOldValueInAnyProcess) {
  two_stages both(rules);
  two_stages::read(both.a, "old");
  two_stages::read(both.b, "old");
  both.advance(1s);
  refresh(both.a, GetParam().factory);
  both.settle();
  EXPECT_FALSE(cached(both.a));
  EXPECT_FALSE(cached(both.b));
}

TEST_P(UnstoredRefresh, LeavesNoFreshOldValueThoughTheSecondLevelIsAway) {
  two_stages both(rules);
  two_stages::read(both.a, "old");
  two_stages::read(both.b, "old");
  both.below_a->fail({});
  const auto refreshed = refresh(both.a, GetParam().factory);
  EXPECT_TRUE(refreshed->got);
  EXPECT_FALSE(cached(both.a));
  both.below_a->heal();
  both.advance(10s);
  EXPECT_FALSE(cached(both.a));
  EXPECT_FALSE(cached(both.b));
}

INSTANTIATE_TEST_SUITE_P(EveryWay, UnstoredRefresh,
                         ::testing::Values(unstored_result{"NotFound",
                                                           [](fill_context&) -> std::optional<agent> {
                                                             return std::nullopt;
                                                           }},
                                           unstored_result{"Skipped",
                                                           [](fill_context& fill) -> std::optional<agent> {
                                                             fill.skip();
                                                             return agent{"1", "new"};
                                                           }},
                                           unstored_result{"WithoutTime",
                                                           [](fill_context& fill) -> std::optional<agent> {
                                                             fill.set_ttl(0s);
                                                             return agent{"1", "new"};
                                                           }},
                                           unstored_result{"TooLarge",
                                                           [](fill_context&) -> std::optional<agent> {
                                                             return agent{"1", std::string(3000, 'x')};
                                                           }}),
                         [](const auto& each) { return std::string(each.param.name); });

TEST(UnstoredFill, OfADeletedValueLeavesNothingForFailSafe) {
  stage s(UnstoredRefresh::rules);
  s.read_value("old");
  s.advance(2h);
  s.read([]() -> std::optional<agent> { return std::nullopt; });
  const auto read = s.read(failing);
  EXPECT_TRUE(read->thrown) << "the value was deleted";
}

TEST(UnstoredFill, OfASkippedValueLeavesTheLastOneForFailSafe) {
  stage s(UnstoredRefresh::rules);
  s.read_value("old");
  s.advance(1s);
  refresh(s, [](fill_context& fill) {
    fill.skip();
    return agent{"1", "new"};
  });
  const auto read = s.read(failing);
  ASSERT_TRUE(read->got);
  EXPECT_EQ((*read->got)->name, "old");
  EXPECT_TRUE(read->got->info().stale);
}

// Many processes.

struct SharedRefresh : ::testing::TestWithParam<policy> {};

TEST_P(SharedRefresh, RunsOnceForAllProcesses) {
  two_stages both(GetParam());
  source db;
  two_stages::read(both.a, "1");
  two_stages::read(both.b, "1");
  both.advance(11s);
  db.value = "2";
  for (auto* each : {&both.a, &both.b}) {
    const auto read = each->read(db.held());
    ASSERT_TRUE(read->got) << "the read does not wait for the refresh";
    EXPECT_EQ((*read->got)->name, "1");
  }
  EXPECT_EQ(db.calls, 1);
  db.go.set();
  for (int i = 0; i < 5; ++i) both.settle();
  for (auto* each : {&both.a, &both.b}) EXPECT_EQ((*each->read(db.held())->got)->name, "2");
  EXPECT_EQ(db.calls, 1);
}

TEST_P(SharedRefresh, IsTriedAgainIfItsProcessDies) {
  two_stages both(GetParam());
  source db;
  two_stages::read(both.a, "1");
  two_stages::read(both.b, "1");
  both.advance(11s);
  const auto holder = sync_wait(both.below_a->take_lease("strata:agent:1", 2s, 0));
  EXPECT_NE(holder->lease, 0u);
  both.b.read(db.now());
  EXPECT_EQ(db.calls, 0) << "another process has the lease";
  both.advance(999ms);
  both.b.read(db.now());
  both.advance(2s);
  both.b.read(db.now());
  EXPECT_EQ(db.calls, 1);
}

INSTANTIATE_TEST_SUITE_P(EveryWay, SharedRefresh,
                         ::testing::Values(policy{.ttl = 20s, .jitter = 0, .eager_refresh = 0.5},
                                           policy{.ttl = 10s, .jitter = 0, .stale_while_revalidate = 20s}));

// Writes beside a factory.

TEST(SetBesideAFactory, StaysThoughTheFactoryEndsLater) {
  for (const bool many : {false, true}) {
    stage s({.ttl = 1h, .jitter = 0});
    source db;
    const auto fill = s.read(db.held());
    if (many) {
      EXPECT_EQ(sync_wait(s.store.set_many(std::vector{std::pair(s.agents("1"), agent{"1", "set"})})), 1u);
    } else {
      EXPECT_TRUE(sync_wait(s.store.set(s.agents("1"), agent{"1", "set"})));
    }
    db.go.set();
    s.settle();
    ASSERT_TRUE(cached(s)) << "the clock stood still";
    EXPECT_EQ(cached(s)->name, "set");
  }
}

}  // namespace
