/// Early refresh, stale-while-revalidate and refreshing on demand, as the suites of other caches ask for
/// them.

#include "tests/peers/support.hpp"

namespace strata::peers {
namespace {

const policy eager{.ttl = 10s, .jitter = 0, .eager_refresh = 0.2};
const policy revalidating{.ttl = 5s, .jitter = 0, .stale_while_revalidate = 10s};

// FusionCache F25: CanEagerRefresh
TEST(PeersRefresh, AnEagerRefreshBeginsExactlyAtItsThreshold) {
  process p;
  source db;
  p.put(number(eager), 1);
  p.advance(2s - 1ns);
  EXPECT_TRUE(is(p.read(number(eager), db.fast(2)), 1));
  p.settle();
  EXPECT_EQ(db.calls, 0);
  p.advance(1ns);
  EXPECT_TRUE(is(p.read(number(eager), db.fast(2)), 1));
  p.settle();
  EXPECT_EQ(db.calls, 1);
  EXPECT_TRUE(is(p.get(number(eager)), 2));
}

// FusionCache F26: CanEagerRefreshWithInfiniteDuration
TEST(PeersRefresh, TheThresholdOfTheLongestTtlIsExact) {
  process p;
  source db;
  const policy rules{.ttl = policy::max_ttl, .jitter = 0, .eager_refresh = 0.5};
  p.put(number(rules), 1);
  p.advance(policy::max_ttl / 2 - 1ns);
  p.read(number(rules), db.fast(2));
  p.settle();
  EXPECT_EQ(db.calls, 0);
  p.advance(1ns);
  p.read(number(rules), db.fast(2));
  p.settle();
  EXPECT_EQ(db.calls, 1);
}

// FusionCache F28: NormalFactoryExecutionWaitsForInFlightEagerRefresh
TEST(PeersRefresh, AMissWaitsForTheRefreshInFlight) {
  process p;
  source db;
  p.put(number(eager), 1);
  p.advance(9s);
  p.read(number(eager), db.slow(2));
  p.advance(1s);
  const auto miss = p.begin(p.cache.get_or_set(number(eager), db.slow(3)));
  EXPECT_FALSE(miss->over());
  db.answers.set();
  p.settle();
  EXPECT_TRUE(is(miss->value(), 2));
  EXPECT_TRUE(miss->value().info().shared);
  EXPECT_EQ(db.calls, 1);
}

// FusionCache F42: EagerRefreshDoesNotBreakStampedeProtection
TEST(PeersRefresh, ManyReadersBeginOneRefresh) {
  process p;
  source db;
  p.put(number(eager), 1);
  p.advance(5s);
  for (int reader = 0; reader < 400; ++reader) EXPECT_TRUE(is(p.read(number(eager), db.slow(2)), 1));
  p.settle();
  EXPECT_EQ(db.calls, 1);
  db.answers.set();
  p.settle();
}

// FusionCache F38: CanHandleEagerRefreshWithTags
TEST(PeersRefresh, TheTagsOfTheRefreshedValueCount) {
  process p;
  const auto tagged = [](const char* tag, int value) {
    return [=](fill_context& fill) {
      fill.add_tag(tag);
      return value;
    };
  };
  p.read(number(eager), tagged("old", 1));
  p.advance(5s);
  p.read(number(eager), tagged("new", 2));
  p.settle();
  p.run(p.cache.remove_by_tag("old"));
  EXPECT_TRUE(is(p.get(number(eager)), 2));
  p.run(p.cache.remove_by_tag("new"));
  EXPECT_TRUE(is_miss(p.get(number(eager))));
}

// FusionCache G12: EagerRefreshDoesNotBlock
TEST(PeersRefresh, AHitDoesNotWaitForASlowSecondLevel) {
  group g(1);
  source db;
  g[0].put(number(eager), 1);
  g.advance(5s);
  g.stores[0]->delay({});
  EXPECT_TRUE(is(g[0].read(number(eager), db.fast(2)), 1));
  g.settle();
  EXPECT_GT(g.stores[0]->waiting(), 0U);
}

// FusionCache R4: CanHandleExpireMidFlight, and a removal during an eager refresh
TEST(PeersRefresh, AValueReadBeforeAnExpiryOrARemovalDoesNotEnter) {
  process p;
  for (const bool remove : {false, true}) {
    source db;
    p.put(number(eager), 1);
    p.advance(5s);
    p.read(number(eager), db.slow(2));
    p.settle();
    EXPECT_EQ(db.calls, 1);
    p.run(remove ? p.cache.remove(number(eager)) : p.cache.expire(number(eager)));
    db.answers.set();
    p.settle();
    EXPECT_TRUE(is_miss(p.get(number(eager)))) << remove;
  }
}

// bentocache T02: swr_concurrent, stale at once and one factory
TEST(PeersRefresh, AllReadersGetTheStaleValueAtOnceAndOneRefreshes) {
  process p;
  source db;
  p.put(number(revalidating), 1);
  p.advance(5s);
  EXPECT_TRUE(is_stale(p.read(number(revalidating), db.slow(2)), 1));
  EXPECT_TRUE(is_stale(p.read(number(revalidating), db.slow(2)), 1));
  p.settle();
  EXPECT_EQ(db.calls, 1);
  db.answers.set();
  p.settle();
  EXPECT_TRUE(is(p.get(number(revalidating)), 2));
}

// cachified D09: uses stale cache while revalidating, and ignores errors of the revalidation
TEST(PeersRefresh, TheBoundsOfStaleWhileRevalidateAreExactAndItsErrorsAreIgnored) {
  process p;
  source db;
  p.put(number(revalidating), 1);
  p.advance(5s - 1ns);
  EXPECT_TRUE(is(p.read(number(revalidating), db.throwing()), 1));
  p.advance(1ns);
  EXPECT_TRUE(is_stale(p.read(number(revalidating), db.throwing()), 1));
  p.settle();
  p.advance(10s - 1ns);
  EXPECT_TRUE(is_stale(p.get(number(revalidating)), 1));
  p.advance(1ns);
  EXPECT_TRUE(is_miss(p.get(number(revalidating))));
}

// cachified D12: softPurge
// Different: the window begins at the expiry, not at the end of the old ttl.
// See docs/guide/expire.md#options
TEST(PeersRefresh, AnExpiredValueIsServedStaleForTheWholeWindow) {
  process p;
  p.put(number(revalidating), 1);
  p.advance(1s);
  p.run(p.cache.expire(number(revalidating)));
  EXPECT_TRUE(is_stale(p.get(number(revalidating)), 1));
  p.advance(10s - 1ns);
  EXPECT_TRUE(is_stale(p.get(number(revalidating)), 1));
  p.advance(1ns);
  EXPECT_TRUE(is_miss(p.get(number(revalidating))));
}

// caffeine X03: LoadingCacheTest refresh_dedupe, refresh_invalidate
TEST(PeersRefresh, RefreshesAreSharedAndARemovalFencesThem) {
  process p;
  source db;
  const auto first = p.begin(p.cache.refresh(number(), db.slow(1)));
  const auto second = p.begin(p.cache.get_or_set(number(), db.slow(2)));
  EXPECT_EQ(db.calls, 1);
  p.run(p.cache.remove(number()));
  const auto third = p.begin(p.cache.get_or_set(number(), db.slow(3)));
  db.answers.set();
  p.settle();
  EXPECT_TRUE(is(first->value(), 1));   // it asked before the removal
  EXPECT_TRUE(is(third->value(), 3));   // it asked after it
  EXPECT_TRUE(is(second->value(), 3));  // it followed a call that the removal has overtaken
  EXPECT_TRUE(is(p.get(number()), 3));
}

// caffeine F47b/F50/F51: LoadingCacheTest refresh_discard_put, refresh_conflict, a moment later and in a
// second level
TEST(PeersRefresh, AValueSetDuringARefreshStays) {
  for (const std::size_t levels : {1, 2}) {
    group g(2);
    process alone;
    process& p = levels == 1 ? alone : g[0];
    source db;
    p.put(number(), 1);
    const auto read = p.begin(p.cache.refresh(number(), db.slow(2)));
    p.advance(1ms);
    EXPECT_TRUE(p.put(number(), 5));
    p.advance(1ms);
    db.answers.set();
    p.settle();
    EXPECT_TRUE(read->over());
    EXPECT_TRUE(is(p.get(number()), 5));
    if (levels == 2) EXPECT_TRUE(is(g[1].get(number()), 5));
  }
}

// caffeine F48/F47d: LoadingCacheTest refresh_absentThenInvalidate_doesNotResurrect
TEST(PeersRefresh, ARemovedValueIsNotResurrected) {
  process p;
  source db;
  const auto read = p.begin(p.cache.refresh(number(), db.slow(1)));
  p.run(p.cache.remove(number()));
  source other;
  EXPECT_TRUE(is(p.read(number(), other.fast(2)), 2));
  db.answers.set();
  p.settle();
  EXPECT_TRUE(is(read->value(), 1));
  EXPECT_TRUE(is(p.get(number()), 2));
  p.run(p.cache.remove(number()));
  EXPECT_TRUE(is_miss(p.get(number())));
}

// caffeine U4: the old value is served during a refresh
TEST(PeersRefresh, TheOldValueIsServedMeanwhile) {
  process p;
  source db;
  p.put(number(), 1);
  const auto refresh = p.begin(p.cache.refresh(number(), db.slow(2)));
  EXPECT_TRUE(is(p.get(number()), 1));
  db.answers.set();
  p.settle();
  EXPECT_TRUE(is(refresh->value(), 2));
  EXPECT_TRUE(is(p.get(number()), 2));
}

}  // namespace
}  // namespace strata::peers
