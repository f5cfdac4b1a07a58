/// Several processes over one store: what each sees of the others.

#include "tests/peers/support.hpp"

namespace strata::peers {
namespace {

auto tagged(const char* tag, int value) {
  return [=](fill_context& fill) {
    fill.add_tag(tag);
    return value;
  };
}

// FusionCache G01: L1L2 ReturnsDataFromDistributedCacheIfNoDataInMemoryCache
TEST(PeersLevels, AValueComesFromTheStoreThenFromMemory) {
  group g(2);
  source db;
  g[0].put(number(), 1);
  EXPECT_EQ(g[1].read(number(), db.fast(2)).info().from, layer::l2);
  const auto again = g[1].read(number(), db.fast(2));
  EXPECT_TRUE(is(again, 1));
  EXPECT_EQ(again.info().from, layer::l1);
  EXPECT_EQ(db.calls, 0);
}

// FusionCache G09: MemoryExpirationAlignedWithDistributed
TEST(PeersLevels, ACopyEndsWithTheStoredValue) {
  group g(2);
  const policy rules{.ttl = 10s, .jitter = 0};
  g[0].put(number(rules), 1);
  g.advance(4s);
  EXPECT_TRUE(is(g[1].get(number(rules)), 1));
  g.advance(6s - 1ns);
  EXPECT_TRUE(is(g[1].get(number(rules)), 1));
  g.advance(1ns);
  EXPECT_TRUE(is_miss(g[1].get(number(rules))));
}

// FusionCache G16: DistributedLockerWorks
TEST(PeersLevels, TwoProcessesMakeOneCall) {
  group g(2);
  source db;
  const auto first = g[0].begin(g[0].cache.get_or_set(number(), db.slow(1)));
  const auto second = g[1].begin(g[1].cache.get_or_set(number(), db.slow(2)));
  db.answers.set();
  g.settle();
  EXPECT_TRUE(is(first->value(), 1));
  EXPECT_TRUE(is(second->value(), 1));
  EXPECT_EQ(db.calls, 1);
}

// HybridCache H10: L2Tests AssertL2Operations
TEST(PeersLevels, AMissCostsTwoCallsOfTheStoreAndAHitNone) {
  group g(1);
  const auto calls = [&] {
    std::size_t sum = 0;
    for (std::size_t each = 0; each < testing::store_calls; ++each) {
      sum += g.stores[0]->calls(static_cast<testing::store_call>(each));
    }
    return sum;
  };
  g[0].put(number("warm"), 1);
  auto before = calls();
  const auto cost = [&] { return calls() - std::exchange(before, calls()); };
  g[0].read(number(), [] { return 1; });
  EXPECT_EQ(cost(), 2U);
  g[0].read(number(), [] { return 1; });
  EXPECT_EQ(cost(), 0U);
  g[0].put(number(), 2);
  EXPECT_EQ(cost(), 2U);
  g[0].run(g[0].cache.remove(number()));
  EXPECT_EQ(cost(), 1U);
}

// FusionCache B01: L1Backplane WorksWithDifferentCaches, DistributedLockerWorksWithPrefix
TEST(PeersLevels, NameSpacesAreApart) {
  group g(0);
  process shop({.second_level = connect(g.server, "shop"), .name_space = "shop"}, g.now);
  process trial({.second_level = connect(g.server, "trial"), .name_space = "trial"}, g.now);
  shop.put(number(), 1);
  trial.put(number(), 2);
  trial.run(trial.cache.clear());
  EXPECT_TRUE(is(shop.get(number()), 1));
  EXPECT_TRUE(is_miss(trial.get(number())));
}

// FusionCache B02: L1L2Backplane BackplaneWorks
TEST(PeersLevels, ASetIsSeenByTheOthersAtOnce) {
  group g(3);
  g[0].put(number(), 1);
  for (std::size_t each = 0; each < 3; ++each) EXPECT_TRUE(is(g[each].get(number()), 1));
  g[0].put(number(), 2);
  for (std::size_t each = 0; each < 3; ++each) EXPECT_TRUE(is(g[each].get(number()), 2)) << each;
}

// FusionCache B03: CanHandleExpireOnMultiNodes
TEST(PeersLevels, AnExpiryLeavesOnlyStaleValuesEverywhere) {
  group g(3);
  source db;
  const policy safe{.ttl = 1h, .jitter = 0, .fail_safe = true};
  g[0].put(number(safe), 1);
  for (std::size_t each = 0; each < 3; ++each) g[each].get(number(safe));
  g[1].run(g[1].cache.expire(number(safe)));
  for (std::size_t each = 0; each < 3; ++each) {
    EXPECT_TRUE(is_miss(g[each].get(number(safe)))) << each;
    EXPECT_TRUE(is_stale(g[each].read(number(safe), db.throwing()), 1)) << each;
  }
}

// FusionCache B04: BackgroundFactoryCompleteNotifyOtherNodes
TEST(PeersLevels, ASlowOldValueDoesNotOverwriteANewerOne) {
  group g(2);
  source db;
  const policy rules{.ttl = 1s, .jitter = 0, .fail_safe = true, .soft_timeout = 100ms};
  g[0].put(number(rules), 10);
  g.advance(1s);
  const auto read = g[0].begin(g[0].cache.get_or_set(number(rules), db.slow(30)));
  g.advance(100ms);
  EXPECT_TRUE(is_stale(read->value(), 10));
  EXPECT_TRUE(g[1].put(number(rules), 40));
  db.answers.set();
  g.settle();
  EXPECT_TRUE(is(g[0].get(number(rules)), 40));
  EXPECT_TRUE(is(g[1].get(number(rules)), 40));
}

// FusionCache B05: CanRemoveByTag, CanRemoveByTagWithCacheKeyPrefix, CanClearWithColdStarts
TEST(PeersLevels, ANewProcessKnowsEarlierRemovals) {
  group g(1);
  g[0].read(number("a"), tagged("x", 1));
  g[0].read(number("b"), tagged("y", 2));
  g[0].run(g[0].cache.remove_by_tag("x"));
  process& second = g.join();
  EXPECT_TRUE(is_miss(second.get(number("a"))));
  EXPECT_TRUE(is(second.get(number("b")), 2));
  g[0].run(g[0].cache.clear());
  process& third = g.join();
  EXPECT_TRUE(is_miss(third.get(number("b"))));
  EXPECT_TRUE(is_miss(second.get(number("b"))));
}

// FusionCache B07: a lost message of the backplane
TEST(PeersLevels, ALostNotificationMattersOnlyUntilTheTrustEnds) {
  group g(2);
  source db;
  const auto trusted = [&](duration span) { g.stores[1]->trust_until(g.now->clock.now() + span); };
  g[0].put(number(), 1);
  EXPECT_TRUE(is(g[1].get(number()), 1));
  trusted(1s);
  g.stores[1]->mute(true);
  g[0].put(number(), 2);
  g.advance(1s);
  EXPECT_TRUE(is_miss(g[1].get(number())));
  EXPECT_EQ(g[1].get(number()).info().reason, miss_reason::not_coherent);
  EXPECT_TRUE(is_stale(g[1].get(number({.stale_while_revalidate = 1h})), 1));  // the policy allows it
  g.stores[1]->mute(false);
  g.stores[1]->lose();  // a new connection
  trusted(1h);
  g.advance(1s);
  EXPECT_TRUE(is(g[1].get(number()), 2));
}

// bentocache T08: bus, a set by another process keeps the old value for grace
TEST(PeersLevels, AReplacedValueStandsInWithoutTheStoreAndTheSource) {
  group g(2);
  source db;
  const policy safe{.ttl = 1h, .jitter = 0, .fail_safe = true, .grace = 12h};
  g[0].put(number(safe), 1);
  g[1].put(number(safe), 2);
  g.stores[0]->fail({});
  EXPECT_TRUE(is_miss(g[0].get(number(safe))));
  EXPECT_TRUE(is_stale(g[0].read(number(safe), db.throwing()), 1));
  g.heal();
  g.advance(1min);
  EXPECT_TRUE(is(g[0].read(number(safe), db.throwing()), 2));
  g[1].run(g[1].cache.remove(number(safe)));
  g.stores[0]->fail({});
  EXPECT_THROW(g[0].read(number(safe), db.throwing()), std::domain_error);
}

// bentocache T07: two_tier, the remote stale value before the local one
TEST(PeersLevels, TheNewerStaleValueStandsIn) {
  group g(2);
  source db;
  const policy safe{.ttl = 1s, .jitter = 0, .fail_safe = true};
  g[0].put(number(safe), 1);
  g[1].put(number(safe), 2);
  g.advance(1s);
  EXPECT_TRUE(is_stale(g[0].read(number(safe), db.throwing()), 2));
}

}  // namespace
}  // namespace strata::peers
