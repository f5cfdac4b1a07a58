/// Refreshes that fail, are not stored, or meet other readers and writers.

#include "tests/peers/support.hpp"

namespace strata::peers {
namespace {

const policy eager{.ttl = 10s, .jitter = 0, .eager_refresh = 0.5};
const policy safe{.ttl = 1s, .jitter = 0, .fail_safe = true, .throttle = 30s};

// cachified Q1: falls back to cache when forced fresh value fails
TEST(PeersFailedRefresh, AForcedReadThatFailsLeavesTheValueFresh) {
  process p;
  source db;
  auto rules = safe;
  rules.ttl = 1h;
  p.put(number(rules), 1);
  p.advance(31min);
  EXPECT_EQ(*p.run(p.cache.refresh(number(rules), db.throwing())), 1);
  EXPECT_TRUE(is(p.get(number(rules)), 1));
  p.advance(29min - 1ns);
  EXPECT_TRUE(is(p.get(number(rules)), 1));
}

// caffeine Q1: LoadingCacheTest refresh_failure, RefreshAfterWriteTest refreshIfNeeded_failure
TEST(PeersFailedRefresh, AnEarlyRefreshThatFailsLeavesTheValueFresh) {
  for (const bool fail_safe : {false, true}) {
    process p;
    source db;
    auto rules = eager;
    rules.fail_safe = fail_safe;
    p.put(number(rules), 1);
    p.advance(6s);
    EXPECT_TRUE(is(p.read(number(rules), db.throwing()), 1));
    p.settle();
    EXPECT_EQ(db.calls, 1);
    p.advance(4s - 1ns);
    EXPECT_TRUE(is(p.get(number(rules)), 1)) << fail_safe;
  }
}

// FusionCache R1: CanEagerRefresh, with a plain read between
TEST(PeersFailedRefresh, AReadWithoutAFactoryDoesNotTakeTheRefresh) {
  process p;
  source db;
  p.put(number(eager), 1);
  p.advance(6s);
  EXPECT_TRUE(is(p.get(number(eager)), 1));
  p.run(p.cache.get_many(std::vector{number(eager)}));
  EXPECT_TRUE(is(p.read(number(eager), db.fast(2)), 1));
  p.settle();
  EXPECT_EQ(db.calls, 1);
  EXPECT_TRUE(is(p.get(number(eager)), 2));
}

// FusionCache G17b: DistributedLockerWorksWithEagerRefresh
TEST(PeersFailedRefresh, OneOfManyProcessesRefreshes) {
  group g(4);
  source db;
  g[0].put(number(eager), 1);
  for (std::size_t each = 0; each < 4; ++each) EXPECT_TRUE(is(g[each].get(number(eager)), 1));
  g.advance(5s);
  for (std::size_t each = 0; each < 4; ++each) EXPECT_TRUE(is(g[each].read(number(eager), db.slow(2)), 1));
  g.settle();
  db.answers.set();
  for (int round = 0; round < 9; ++round) g.settle();
  EXPECT_EQ(db.calls, 1);
  for (std::size_t each = 0; each < 4; ++each) EXPECT_TRUE(is(g[each].get(number(eager)), 2)) << each;
}

// cachified Q6: after an error of the revalidation the next read tries again
TEST(PeersFailedRefresh, TheThrottleOfFailSafeDoesNotDelayTheNextRevalidation) {
  process p;
  source db;
  const policy rules{.ttl = 5s, .jitter = 0, .stale_while_revalidate = 25s};
  p.put(number(rules), 1);
  p.advance(5s);
  EXPECT_TRUE(is_stale(p.read(number(rules), db.throwing()), 1));
  p.settle();
  p.advance(1s);
  EXPECT_TRUE(is_stale(p.read(number(rules), db.fast(2)), 1));
  p.settle();
  EXPECT_EQ(db.calls, 2);
  EXPECT_TRUE(is(p.get(number(rules)), 2));
}

// cachified Q2/D14: gets fresh value when forced to
TEST(PeersFailedRefresh, AForcedReadRunsItsOwnFactoryBesideAnOlderOne) {
  process p;
  source older;
  const auto miss = p.begin(p.cache.get_or_set(number(), older.slow(1)));
  const auto forced = p.begin(p.cache.refresh(number(), [] { return 2; }));
  older.answers.set();
  p.settle();
  EXPECT_TRUE(is(forced->value(), 2));
  EXPECT_TRUE(miss->over());
  EXPECT_TRUE(is(p.get(number()), 2));
}

// caffeine Q4: LoadingCacheTest refresh_present_null
TEST(PeersFailedRefresh, AForcedReadThatFindsNothingRemovesTheValue) {
  for (const duration negative_ttl : {duration(0s), duration(30s)}) {
    process p;
    auto rules = hour();
    rules.negative_ttl = negative_ttl;
    p.put(number(rules), 1);
    p.advance(1s);
    const auto nothing = []() -> std::optional<int> { return std::nullopt; };
    EXPECT_TRUE(p.run(p.cache.refresh(number(rules), nothing)).known_absent());
    EXPECT_FALSE(p.get(number(rules)));
  }
}

// FusionCache F23: CanHandleZeroDurations, CanHandleNegativeDurations
// Different: a policy without any ttl is refused; a factory may give its value none.
// See docs/guide/coming_from.md#what-strata-does-differently
TEST(PeersFailedRefresh, AValueWithoutAnyTtlIsNotStoredAndEndsTheOldOne) {
  EXPECT_THROW(number({.ttl = 0s}), bad_options);
  for (const duration ttl : {duration(0s), duration(-1h)}) {
    process p;
    p.put(number(), 1);
    p.advance(1s);
    const auto read = p.run(p.cache.refresh(number(), [&](fill_context& fill) {
      fill.set_ttl(ttl);
      return 2;
    }));
    EXPECT_TRUE(is(read, 2));
    EXPECT_FALSE(read.info().stored);
    EXPECT_FALSE(p.get(number()));
  }
}

// FusionCache F08/U1: ReturnsStaleDataWhenFactoryHitHardTimeout
TEST(PeersFailedRefresh, AHardTimeoutIsFollowedByTheThrottle) {
  process p;
  source db;
  auto rules = safe;
  rules.hard_timeout = 500ms;
  p.put(number(rules), 1);
  p.advance(1s);
  const auto first = p.begin(p.cache.get_or_set(number(rules), db.slow(2)));
  p.advance(500ms);
  EXPECT_TRUE(is_stale(first->value(), 1));
  for (int reader = 0; reader < 4; ++reader) {
    EXPECT_TRUE(is_stale(p.read(number(rules), db.slow(2)), 1));  // at once
    p.advance(500ms);
  }
  EXPECT_EQ(db.calls, 1);
  db.answers.set();
  p.settle();
}

// cachified R2: rejects all values when the batch fails, and cached ones resolve
TEST(PeersFailedRefresh, ABatchWhoseFactoryThrowsKeepsItsHitsAndItsStaleValues) {
  process p;
  p.put(number("old", safe), 1);
  p.advance(1s);
  p.put(number("hit", safe), 2);
  const std::vector wanted{number("old", safe), number("hit", safe), number("miss", safe)};
  const auto read = p.run(
      p.cache.get_or_set_many(wanted, [](std::span<const std::size_t>) -> std::vector<std::optional<int>> {
        throw std::domain_error("the source is down");
      }));
  EXPECT_TRUE(is_stale(read[0], 1));
  EXPECT_TRUE(is(read[1], 2));
  EXPECT_NE(read[2].failure(), nullptr);
}

// caffeine F47/F49: LoadingCacheTest refresh_discard_put, refresh_conflict, in the same tick
TEST(PeersFailedRefresh, AValueSetInTheTickInWhichAFactoryBeganStays) {
  process p;
  source db;
  const auto read = p.begin(p.cache.get_or_set(number(), db.slow(1)));
  EXPECT_TRUE(p.put(number(), 5));
  db.answers.set();
  p.settle();
  EXPECT_TRUE(read->over());
  EXPECT_TRUE(is(p.get(number()), 5));
}

// FusionCache F22: CanHandleInfiniteOrSimilarDurations
// Different: a policy allows 30 days at most; what a factory or touch asks for is shortened to them.
// See docs/guide/ttl.md#options
TEST(PeersFailedRefresh, ALongerTtlThanTheLongestIsShortened) {
  EXPECT_THROW(number({.ttl = duration::max()}), bad_options);
  process p;
  const auto read = p.read(number(), [](fill_context& fill) {
    fill.set_ttl(duration::max());
    return 1;
  });
  EXPECT_EQ(read.info().ttl, policy::max_ttl);
  for (const auto ttl : {duration::max(), duration(24h * 365)}) {
    EXPECT_TRUE(p.run(p.cache.touch(number(), ttl)));
    EXPECT_TRUE(is(p.get(number()), 1));
    EXPECT_EQ(p.get(number()).info().ttl, policy::max_ttl);
  }
}

}  // namespace
}  // namespace strata::peers
