/// What one factory, one call or one level may decide for itself.

#include "tests/peers/support.hpp"

namespace strata::peers {
namespace {

const policy safe{.ttl = 1s, .jitter = 0, .fail_safe = true, .throttle = 1ms};

// FusionCache F17: AdaptiveCachingWithBackgroundFactoryCompletion
TEST(PeersSettings, AFactoryInTheBackgroundChoosesTheTtlAndRefusesFailSafe) {
  process p;
  source db;
  auto rules = safe;
  rules.soft_timeout = 100ms;
  p.put(number(rules), 1);
  p.advance(1s);
  const auto late = [&](fill_context& fill) -> task<int> {
    co_await db.answers.wait();
    fill.set_ttl(5s);
    fill.refuse_stale();
    co_return 2;
  };
  const auto read = p.begin(p.cache.get_or_set(number(rules), late));
  p.advance(100ms);
  EXPECT_TRUE(is_stale(read->value(), 1));
  db.answers.set();
  p.settle();
  p.advance(5s - 1ns);
  EXPECT_TRUE(is(p.get(number(rules)), 2));
  p.advance(1ns);
  const auto failed = p.begin(p.cache.get_or_set(number(rules), db.failing()));
  p.settle();
  EXPECT_NE(failed->value().failure(), nullptr);
}

// FusionCache F18: AdaptiveCachingCanWorkOnException
TEST(PeersSettings, AFactoryMayRefuseFailSafeForItsFailure) {
  process p;
  p.put(number(safe), 1);
  p.advance(1s);
  const auto gone = [](fill_context& fill) -> int {
    fill.refuse_stale();
    throw std::domain_error("410 Gone");
  };
  EXPECT_THROW(p.read(number(safe), gone), std::domain_error);
}

// FusionCache F39: JitteringIsNotUsedWhenActivatingFailSafe, with a default value
// cashews C02: test_cache_with_exceptions
TEST(PeersSettings, AFailureWithoutAStaleValueIsRemembered) {
  process p;
  source db;
  const policy rules{.ttl = 1h, .jitter = 0.5, .failure_ttl = 10s};
  for (int read = 0; read < 100; ++read) {
    EXPECT_EQ(p.read(number(rules), db.failing()).failure()->code, errc::database_unavailable);
  }
  EXPECT_EQ(db.calls, 1);
  p.advance(10s - 1ns);
  p.read(number(rules), db.failing());
  EXPECT_EQ(db.calls, 1);
  p.advance(1ns);
  EXPECT_TRUE(is(p.read(number(rules), db.fast(1)), 1));
}

// FusionCache F40: CanAccessCacheKeyInsideFactory
TEST(PeersSettings, AFactoryKnowsItsKey) {
  process p;
  std::string seen;
  p.read(number(), [&](fill_context& fill) {
    seen = fill.key().text();
    return 1;
  });
  EXPECT_EQ(seen, "number:a");
}

// FusionCache F30: CanSkipMemoryCacheReadWrite
TEST(PeersSettings, ACallMayLeaveOutOneLevel) {
  group g(2);
  EXPECT_TRUE(g[0].put(number().without_l1(), 1));
  EXPECT_EQ(g[0].cache.stats().entries, 0U);
  EXPECT_EQ(g[0].get(number()).info().from, layer::l2);
  EXPECT_TRUE(g[0].put(number("b").without_l2(), 2));
  EXPECT_TRUE(is(g[0].get(number("b")), 2));
  EXPECT_TRUE(is_miss(g[1].get(number("b"))));
  EXPECT_FALSE(g[0].put(number("c").bypassing(), 3));
  EXPECT_TRUE(is_miss(g[0].get(number("c"))));
}

// FusionCache Z: SpecificDistributedCacheDurationWorks, SpecificMemoryCacheDurationWorks
// HybridCache Z: ExpirationTests ExpirationRespected
TEST(PeersSettings, MemoryMayKeepAValueForLessTimeThanTheStore) {
  group g(1);
  const policy rules{.ttl = 1h, .l1_ttl = 10s, .jitter = 0};
  g[0].put(number(rules), 1);
  g.advance(10s - 1ns);
  EXPECT_EQ(g[0].get(number(rules)).info().from, layer::l1);
  g.advance(1ns);
  EXPECT_EQ(g[0].get(number(rules)).info().from, layer::l2);
}

// caffeine X04b: ExpireAfterAccessTest
TEST(PeersSettings, ReadsProlongASlidingTtl) {
  process p;
  const policy rules{.ttl = 25s, .sliding = 10s, .jitter = 0};
  p.put(number(rules), 1);
  for (int read = 0; read < 2; ++read) {
    p.advance(9s);
    EXPECT_TRUE(is(p.get(number(rules)), 1)) << read;
  }
  p.advance(7s - 1ns);
  EXPECT_TRUE(is(p.get(number(rules)), 1));
  p.advance(1ns);
  EXPECT_TRUE(is_miss(p.get(number(rules)))) << "its absolute end";
  p.put(number(rules), 2);
  p.advance(10s);
  EXPECT_TRUE(is_miss(p.get(number(rules)))) << "not read for 10 s";
}

// cachified D10b: can edit metadata for single batch values
TEST(PeersSettings, EachValueOfABatchHasItsOwnSettings) {
  process p;
  const std::vector wanted{number("a"), number("b"), number("c")};
  const auto read =
      p.run(p.cache.get_or_set_many(wanted, [](std::span<const std::size_t> missing, fill_context& fill) {
        fill.of(0).set_ttl(5s);
        fill.of(1).skip();
        fill.of(2).add_tag("x");
        return std::vector<std::optional<int>>(missing.size(), 1);
      }));
  EXPECT_EQ(read[0].info().ttl, 5s);
  EXPECT_FALSE(read[1].info().stored);
  EXPECT_EQ(read[2].info().ttl, 1h);
  p.run(p.cache.remove_by_tag("x"));
  EXPECT_TRUE(is(p.get(number("a")), 1));
  EXPECT_TRUE(is_miss(p.get(number("c"))));
}

}  // namespace
}  // namespace strata::peers
