/// Fail-safe, its grace and its throttle, as the suites of other caches ask for them.

#include "tests/peers/support.hpp"

namespace strata::peers {
namespace {

const policy safe{.ttl = 1s, .jitter = 0, .fail_safe = true, .grace = 1h, .throttle = 2s};

// FusionCache F01: ReturnsStaleDataWhenFactoryFails
TEST(PeersFailSafe, AnExceptionIsAnsweredWithTheStaleValue) {
  process p;
  source db;
  p.put(number(safe), 42);
  p.advance(1s);
  EXPECT_TRUE(is_stale(p.read(number(safe), db.throwing()), 42));
}

// FusionCache F02: ReturnsStaleDataWhenFactoryFailsWithoutException
TEST(PeersFailSafe, AnErrorIsAnsweredWithTheStaleValueOrReachesTheReader) {
  process p;
  source db;
  p.put(number(safe), 42);
  p.advance(1s);
  EXPECT_TRUE(is_stale(p.read(number(safe), db.failing()), 42));
  const auto read = p.read(number("other", {.ttl = 1s}), [](fill_context& fill) {
    fill.fail({errc::busy, "the source is busy"});
    return 1;
  });
  ASSERT_NE(read.failure(), nullptr);
  EXPECT_EQ(read.failure()->detail, "the source is busy");
}

// FusionCache F03: ThrowsWhenFactoryThrowsWithoutFailSafe
TEST(PeersFailSafe, TheReadersPolicyDecides) {
  process p;
  source db;
  p.put(number(safe), 42);
  p.advance(1s);
  EXPECT_THROW(p.read(number({.ttl = 1s}), db.throwing()), std::domain_error);
  EXPECT_TRUE(is_stale(p.read(number(safe), db.throwing()), 42));
}

// FusionCache F09: HandlesBackgroundFactoryException
TEST(PeersFailSafe, AnExceptionInTheBackgroundStartsTheThrottle) {
  process p;
  source db;
  auto rules = safe;
  rules.soft_timeout = 100ms;
  p.put(number(rules), 42);
  p.advance(1s);
  const auto late = [&]() -> task<int> {
    ++db.calls;
    co_await db.answers.wait();
    throw std::domain_error("the source is down");
  };
  const auto read = p.begin(p.cache.get_or_set(number(rules), late));
  p.advance(100ms);
  EXPECT_TRUE(is_stale(read->value(), 42));
  db.answers.set();
  p.settle();
  p.advance(2s - 1ns);
  EXPECT_TRUE(is_stale(p.read(number(rules), db.throwing()), 42));
  EXPECT_EQ(db.calls, 1);
}

// FusionCache F37: CanSoftFailWithSoftTimeout
TEST(PeersFailSafe, AFactoryMayReportItsFailureInTheBackground) {
  process p;
  source db;
  auto rules = safe;
  rules.soft_timeout = 100ms;
  p.put(number(rules), 42);
  p.advance(1s);
  const auto late = [&](fill_context& fill) -> task<int> {
    ++db.calls;
    co_await db.answers.wait();
    fill.fail({errc::busy, "the source is busy"});
    co_return 43;
  };
  const auto read = p.begin(p.cache.get_or_set(number(rules), late));
  p.advance(100ms);
  EXPECT_TRUE(is_stale(read->value(), 42));
  db.answers.set();
  p.settle();
  EXPECT_TRUE(is_stale(p.read(number(rules), db.fast(43)), 42));
  EXPECT_EQ(db.calls, 1);
}

// FusionCache F15: ThrottleDurationWorksCorrectly
TEST(PeersFailSafe, TheThrottleIsExactAndHasNoJitter) {
  process p;
  source db;
  auto rules = safe;
  rules.jitter = 0.5;
  p.put(number(rules), 42);
  p.advance(1s);
  p.read(number(rules), db.throwing());
  p.advance(2s - 1ns);
  p.read(number(rules), db.throwing());
  EXPECT_EQ(db.calls, 1);
  p.advance(1ns);
  EXPECT_TRUE(is_stale(p.read(number(rules), db.throwing()), 42));
  EXPECT_EQ(db.calls, 2);
}

// FusionCache F19: AdaptiveCachingCanWorkWithSkipMemoryCache
TEST(PeersFailSafe, AValueThatTheFactorySkipsLeavesTheOldOneForFailSafe) {
  process p;
  source db;
  p.put(number(safe), 42);
  p.advance(1s);
  const auto read = p.read(number(safe), [](fill_context& fill) {
    fill.skip();
    return 43;
  });
  EXPECT_TRUE(is(read, 43));
  EXPECT_FALSE(read.info().stored);
  EXPECT_TRUE(is_stale(p.read(number(safe), db.throwing()), 42));
}

// FusionCache F20: FailSafeMaxDurationNormalizationOccurs
TEST(PeersFailSafe, AGraceShorterThanTheTtlCountsAfterIt) {
  process p;
  source db;
  const policy rules{.ttl = 10s, .jitter = 0, .fail_safe = true, .grace = 1s, .throttle = 1ms};
  p.put(number(rules), 42);
  p.advance(10s - 1ns);
  EXPECT_TRUE(is(p.get(number(rules)), 42));
  p.advance(1s);
  EXPECT_TRUE(is_stale(p.read(number(rules), db.throwing()), 42));
  p.advance(1ns);
  EXPECT_THROW(p.read(number(rules), db.throwing()), std::domain_error);
}

// FusionCache F21: ReturnsStaleDataWithoutSavingItWhenNoFactory
TEST(PeersFailSafe, AStaleReadStoresNothing) {
  process p;
  auto lenient = safe;
  lenient.stale_while_revalidate = 1h;
  p.put(number(safe), 42);
  p.advance(1s);
  for (int round = 0; round < 2; ++round) {
    EXPECT_TRUE(is_stale(p.get(number(lenient)), 42));
    EXPECT_TRUE(is_miss(p.get(number(safe))));
  }
}

// FusionCache F32: FailSafeMaxDurationIsRespected
TEST(PeersFailSafe, ThrottlesDoNotProlongTheGrace) {
  process p;
  source db;
  const policy rules{.ttl = 2s, .jitter = 0, .fail_safe = true, .grace = 3s, .throttle = 1s};
  p.put(number(rules), 42);
  p.advance(2s);
  for (int second = 0; second < 3; ++second, p.advance(1s)) {
    EXPECT_TRUE(is_stale(p.read(number(rules), db.throwing()), 42)) << second;
  }
  EXPECT_THROW(p.read(number(rules), db.throwing()), std::domain_error);
}

// FusionCache R5: FailSafeMaxDurationIsRespected, with a throttle longer than the rest of the grace
TEST(PeersFailSafe, AThrottleEndsWithTheGrace) {
  process p;
  source db;
  const policy rules{.ttl = 2s, .jitter = 0, .fail_safe = true, .grace = 3s, .throttle = 1h};
  p.put(number(rules), 42);
  p.advance(4s);
  EXPECT_TRUE(is_stale(p.read(number(rules), db.throwing()), 42));
  p.advance(1s - 1ns);
  EXPECT_TRUE(is_stale(p.read(number(rules), db.throwing()), 42));
  EXPECT_EQ(db.calls, 1);
  p.advance(1ns);
  EXPECT_THROW(p.read(number(rules), db.throwing()), std::domain_error);
}

// bentocache T03: factory_context, no graced value after a skip
TEST(PeersFailSafe, ASkippedValueNeverStandsIn) {
  process p;
  source db;
  p.read(number(safe), [](fill_context& fill) {
    fill.skip();
    return 42;
  });
  p.advance(1s);
  EXPECT_TRUE(is_miss(p.get(number(safe))));
  EXPECT_THROW(p.read(number(safe), db.throwing()), std::domain_error);
}

// bentocache T04: factory_context, the graced entry is visible
TEST(PeersFailSafe, AFactorySeesTheValueThatItReplaces) {
  process p;
  int seen = 0;
  const auto look = [&](fill_context& fill) {
    seen = fill.previous<int>() == nullptr ? -1 : *fill.previous<int>();
    return seen + 1;
  };
  p.read(number(safe), look);
  EXPECT_EQ(seen, -1);
  p.put(number(safe), 42);
  p.advance(1s);
  p.read(number(safe), look);
  EXPECT_EQ(seen, 42);  // it was stale
  p.run(p.cache.refresh(number(safe), look));
  EXPECT_EQ(seen, 43);  // it was fresh
}

// bentocache T17: forceFresh throws if the factory throws
// Different: the policy decides for a forced read too.
// See docs/guide/coming_from.md#what-strata-does-differently
TEST(PeersFailSafe, AFailedRefreshIsAnsweredByFailSafeIfThePolicyHasIt) {
  process p;
  source db;
  const policy plain{.ttl = 1h};
  p.put(number(plain), 42);
  EXPECT_THROW(p.run(p.cache.refresh(number(plain), db.throwing())), std::domain_error);
  EXPECT_EQ(*p.run(p.cache.refresh(number(safe), db.throwing())), 42);
}

// bentocache U2: a reader's own grace, behind a leader without one
TEST(PeersFailSafe, AFollowerStandsInByItsOwnPolicy) {
  process p;
  p.put(number(safe), 42);
  p.advance(1s);
  async_latch ends;
  const auto slow = [&]() -> task<int> {
    co_await ends.wait();
    throw std::domain_error("the source is down");
  };
  const auto leader = p.begin(p.cache.get_or_set(number({.ttl = 1s}), slow));
  const auto follower = p.begin(p.cache.get_or_set(number(safe), [] { return 1; }));
  ends.set();
  p.settle();
  EXPECT_THROW(leader->value(), std::domain_error);
  EXPECT_TRUE(is_stale(follower->value(), 42));
}

}  // namespace
}  // namespace strata::peers
