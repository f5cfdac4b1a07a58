/// Levels that one call leaves out, and how long each level keeps a value: without_l1, without_l2, l1_ttl,
/// sliding expiry, touch.

#include "engine/two_stages_test_support.hpp"

#include <gtest/gtest.h>

namespace {

using namespace strata;
using engine_test::agent;
using engine_test::failing;
using engine_test::stage;
using engine_test::two_stages;
using namespace std::chrono_literals;

const policy plain{.ttl = 60s, .jitter = 0};

lookup<agent> get(stage& s) {
  return sync_wait(s.store.get(s.agents("1")));
}

bool set(stage& s, const typed_key<agent>& key, const char* name) {
  return sync_wait(s.store.set(key, agent{"1", name}));
}

lookup<agent> fill(stage& s, const typed_key<agent>& key, const char* name) {
  return sync_wait(s.store.get_or_set(key, [&] { return agent{"1", name}; }));
}

TEST(BypassingSet, StoresNothingAndSaysSo) {
  two_stages both(plain);
  set(both.a, both.a.agents("1"), "old");
  EXPECT_FALSE(set(both.a, both.a.agents("1").bypassing(), "new"));
  EXPECT_EQ(sync_wait(both.a.store.set_many(
                std::vector{std::pair(both.a.agents("1").bypassing(), agent{"1", "new"})})),
            0u);
  EXPECT_EQ(get(both.a)->name, "old");
  EXPECT_EQ(get(both.b)->name, "old");
}

TEST(WithoutL1, ReadsAndFillsTheSecondLevelOnly) {
  two_stages both(plain);
  const auto key = both.a.agents("1").without_l1();
  const auto filled = fill(both.a, key, "new");
  EXPECT_TRUE(filled.info().stored);
  EXPECT_EQ(both.a.store.stats().entries, 0u);
  EXPECT_EQ(fill(both.a, key, "never").info().from, layer::l2);
  EXPECT_EQ(sync_wait(both.a.store.get(key)).info().from, layer::l2);
  EXPECT_EQ(both.a.store.stats().entries, 0u);
  EXPECT_EQ(get(both.a)->name, "new");
}

TEST(WithoutL1, AWriteLeavesNoOlderValueInMemory) {
  two_stages both(plain);
  set(both.a, both.a.agents("1"), "old");
  EXPECT_TRUE(set(both.a, both.a.agents("1").without_l1(), "new"));
  EXPECT_EQ(both.a.store.stats().entries, 0u);
  EXPECT_EQ(get(both.a)->name, "new");
  sync_wait(both.a.store.refresh(both.a.agents("1").without_l1(), [] { return agent{"1", "newer"}; }));
  EXPECT_EQ(both.a.store.stats().entries, 0u);
  EXPECT_EQ(get(both.a)->name, "newer");
}

TEST(WithoutL1, BypassesACacheWithoutASecondLevel) {
  stage s(plain);
  set(s, s.agents("1"), "old");
  const auto key = s.agents("1").without_l1();
  EXPECT_FALSE(set(s, key, "new"));
  EXPECT_EQ(fill(s, key, "new")->name, "new");
  EXPECT_EQ(get(s)->name, "old");
}

TEST(WithoutL2, ReadsAndFillsMemoryOnly) {
  two_stages both(plain);
  const auto key = both.a.agents("1").without_l2();
  set(both.b, both.b.agents("1"), "elsewhere");
  EXPECT_FALSE(sync_wait(both.a.store.get(key)));
  const auto filled = fill(both.a, key, "here");
  EXPECT_EQ(filled->name, "here");
  EXPECT_TRUE(filled.info().stored);
  EXPECT_EQ(fill(both.a, key, "never").info().from, layer::l1);
  EXPECT_FALSE(get(both.b)) << "the older value went";
  both.settle();
  EXPECT_EQ(get(both.a)->name, "here");
}

TEST(WithoutL2, AWriteStaysInThisProcess) {
  two_stages both(plain);
  set(both.b, both.b.agents("1"), "elsewhere");
  EXPECT_TRUE(set(both.a, both.a.agents("1").without_l2(), "here"));
  both.settle();
  EXPECT_EQ(get(both.a)->name, "here");
  EXPECT_FALSE(get(both.b));
}

TEST(WithoutL2, AChangeByAnotherProcessStillReachesIt) {
  two_stages both(plain);
  fill(both.a, both.a.agents("1").without_l2(), "here");
  set(both.b, both.b.agents("1"), "newer");
  both.settle();
  EXPECT_EQ(get(both.a)->name, "newer");
}

TEST(WithoutL2, AppliesToEachKeyOfABatch) {
  two_stages both(plain);
  set(both.b, both.b.agents("1"), "elsewhere");
  set(both.b, both.b.agents("2"), "elsewhere");
  const auto got = sync_wait(both.a.store.get_or_set_many(
      std::vector{both.a.agents("1").without_l2(), both.a.agents("2"), both.a.agents("3").without_l1()},
      [](std::span<const std::size_t> missing) {
        return std::vector<std::optional<agent>>(missing.size(), agent{"?", "here"});
      }));
  EXPECT_EQ(got[0]->name, "here");
  EXPECT_EQ(got[1]->name, "elsewhere");
  EXPECT_EQ(got[2]->name, "here");
  EXPECT_EQ(both.a.store.stats().entries, 2u);
}

TEST(L1Ttl, SendsReadsToTheSecondLevelAgain) {
  auto rules = plain;
  rules.l1_ttl = 5s;
  two_stages both(rules);
  two_stages::read(both.a, "new");
  both.advance(5s - 1ns);
  EXPECT_EQ(get(both.a).info().from, layer::l1);
  both.advance(1ns);
  const auto again = get(both.a);
  EXPECT_EQ(again.info().from, layer::l2);
  EXPECT_LE(again.info().ttl, duration(55s));
  EXPECT_GT(again.info().ttl, duration(54s));
  both.advance(4s);
  EXPECT_EQ(get(both.a).info().from, layer::l1);
  both.advance(51s);
  EXPECT_FALSE(get(both.a));
}

TEST(Sliding, EndsWithTheLastReadAndAtTheTtl) {
  stage s({.ttl = 60s, .sliding = 10s, .jitter = 0});
  s.read_value("new");
  s.advance(10s - 1ns);
  EXPECT_TRUE(get(s));
  s.advance(10s);
  EXPECT_FALSE(get(s)) << "no read has prolonged it";
  s.read_value("new");
  for (int i = 0; i < 11; ++i) {
    s.advance(5s);
    ASSERT_TRUE(get(s)) << i;
  }
  EXPECT_EQ(get(s).info().ttl, duration(5s)) << "its absolute end";
  s.advance(5s);
  EXPECT_FALSE(get(s));
}

TEST(Sliding, ProlongsWhatTheSecondLevelHas) {
  two_stages both({.ttl = 60s, .sliding = 10s, .jitter = 0});
  two_stages::read(both.a, "new");
  for (int i = 0; i < 5; ++i) {
    both.advance(5s);
    ASSERT_TRUE(get(both.a));
    both.settle();
  }
  EXPECT_EQ(get(both.b)->name, "new");
  both.advance(9s);
  EXPECT_TRUE(get(both.b));
  both.advance(2s);
  EXPECT_FALSE(get(both.b)) << "only the process that computed it prolongs it";
}

TEST(Sliding, CostsAtMostOneCallInAQuarterOfItsTime) {
  two_stages both({.ttl = 600s, .sliding = 10s, .jitter = 0});
  two_stages::read(both.a, "new");
  const auto before = both.a.store.stats().l2_round_trips;
  for (int i = 0; i < 100; ++i) {
    both.advance(100ms);
    ASSERT_TRUE(get(both.a));
    both.settle();
  }
  EXPECT_LE(both.a.store.stats().l2_round_trips - before, 4u);
}

TEST(Touch, IsBoundedByTheLongestTtl) {
  for (const auto ttl : {duration::max(), duration(24h * 365)}) {
    stage s(plain);
    set(s, s.agents("1"), "new");
    EXPECT_TRUE(sync_wait(s.store.touch(s.agents("1"), ttl)));
    EXPECT_EQ(get(s).info().ttl, policy::max_ttl);
    two_stages both(plain);
    set(both.a, both.a.agents("1"), "new");
    EXPECT_TRUE(sync_wait(both.b.store.touch(both.b.agents("1"), ttl)));
    EXPECT_GT(get(both.b).info().ttl, duration(24h * 29));
    EXPECT_LE(get(both.b).info().ttl, policy::max_ttl);
  }
}

TEST(Touch, CountsTheFreshTimeInTheSecondLevelToo) {
  auto rules = plain;
  rules.fail_safe = true;
  rules.grace = 600s;
  two_stages both(rules);
  set(both.a, both.a.agents("1"), "new");
  EXPECT_TRUE(sync_wait(both.a.store.touch(both.a.agents("1"), 30s)));
  EXPECT_TRUE(get(both.b)) << "its grace comes after its ttl";
  EXPECT_GT(get(both.b).info().ttl, duration(29s));
  both.advance(31s);
  EXPECT_FALSE(get(both.b));
}

TEST(Touch, DoesNotReviveAStaleValue) {
  auto rules = plain;
  rules.fail_safe = true;
  two_stages both(rules);
  set(both.a, both.a.agents("1"), "old");
  both.advance(61s);
  EXPECT_FALSE(sync_wait(both.a.store.touch(both.a.agents("1"), 30s)));
  EXPECT_FALSE(sync_wait(both.b.store.touch(both.b.agents("1"), 30s)));
  EXPECT_FALSE(get(both.b));
}

}  // namespace
