/// The end of a cache, and the size of its memory.

#include "tests/peers/support.hpp"

namespace strata::peers {
namespace {

// FusionCache F46: GeneralTests CanHandleDispose, while a factory runs
TEST(PeersLifetime, AFactoryMayEndAfterItsCache) {
  auto now = std::make_shared<moment>();
  run_loop loop;
  source db;
  std::optional<completion<lookup<int>>> ended;
  {
    strata::cache cache({.background = &loop, .timer = &now->timers, .time = &now->clock});
    const policy rules{.ttl = 1h, .hard_timeout = 1h};
    start(&loop, cache.get_or_set(number(rules), db.slow(1)),
          [&](auto read) { ended.emplace(std::move(read)); });
    while (loop.run_ready() != 0) continue;
    EXPECT_EQ(db.calls, 1);
  }
  db.answers.set();
  while (loop.run_ready() != 0) continue;
  ASSERT_TRUE(ended && *ended);
  EXPECT_TRUE(is(**ended, 1));
}

// FusionCache DISP: GeneralTests CanHandleDispose
TEST(PeersLifetime, ACacheThatNoLongerFillsServesWhatItHas) {
  process p;
  source db;
  const policy safe{.ttl = 1s, .jitter = 0, .fail_safe = true};
  p.put(number("fresh"), 1);
  p.put(number("old", safe), 2);
  p.advance(1s);
  p.cache.stop_filling();
  p.cache.stop_filling();
  EXPECT_TRUE(is(p.read(number("fresh"), db.fast(9)), 1));
  EXPECT_TRUE(is_stale(p.read(number("old", safe), db.fast(9)), 2));
  const auto miss = p.read(number("new"), db.fast(9));
  ASSERT_NE(miss.failure(), nullptr);
  EXPECT_EQ(miss.failure()->code, errc::busy);
  EXPECT_EQ(db.calls, 0);
}

// FusionCache F31: CanUseNullFusionCache
TEST(PeersLifetime, ACacheMayCacheNothing) {
  process p({.enabled = false});
  source db;
  for (int round = 1; round <= 2; ++round) EXPECT_TRUE(is(p.read(number(), db.fast(round)), round));
  EXPECT_FALSE(p.put(number(), 3));
  EXPECT_TRUE(is_miss(p.get(number())));
  EXPECT_EQ(db.calls, 2);
}

// cashews Z: disable and enable, expire of many; scan, get_match, incr
// Different: keys are not listed, and a counter is no cached value.
// See docs/guide/coming_from.md#what-strata-does-differently
TEST(PeersLifetime, ACacheMayBeTurnedOffAndManyKeysExpireAtOnce) {
  process p;
  source db;
  p.put(number(), 1);
  p.cache.disable();
  EXPECT_TRUE(is_miss(p.get(number())));
  p.run(p.cache.remove(number()));
  p.cache.enable();
  EXPECT_TRUE(is_miss(p.get(number())));
  const policy safe{.ttl = 1h, .jitter = 0, .fail_safe = true};
  for (const auto* id : {"a", "b"}) p.put(number(id, safe), 1);
  p.run(p.cache.expire(std::vector{number("a"), number("b")}));
  for (const auto* id : {"a", "b"}) EXPECT_TRUE(is_stale(p.read(number(id, safe), db.throwing()), 1));
}

// bentocache Z: pull; getOrSetForever, setForever
// Different: a ttl ends after 30 days at the latest.
// See docs/guide/ttl.md#options
TEST(PeersLifetime, AValueCanBeTakenOnceAndNoneLivesForEver) {
  process p;
  p.put(number(), 1);
  EXPECT_TRUE(is(p.run(p.cache.take(number())), 1));
  EXPECT_TRUE(is_miss(p.run(p.cache.take(number()))));
  EXPECT_THROW(number({.ttl = policy::max_ttl + 1ns}), bad_options);
}

// bentocache T14/Q3: memory, entries over the size are not stored and the size is kept
TEST(PeersLifetime, AValueThatMemoryCannotHoldIsReportedAsNotStored) {
  process p({.memory = byte_size{64U << 10}});
  const entity<std::string, "text:{id}"> texts;
  const std::string big(20'000, 'x');
  EXPECT_FALSE(p.run(p.cache.set(texts("a"), big)));
  const auto read = p.run(p.cache.get_or_set(texts("a"), [&] { return big; }));
  EXPECT_FALSE(read.info().stored);
  EXPECT_EQ(read.info().reason, miss_reason::too_large);
  for (const auto& each : p.cache.stats().types) {
    if (each.type == "text") EXPECT_EQ(each.fills_too_large, 2U);
  }
  EXPECT_LE(p.cache.stats().used, p.cache.stats().budget);
}

// caffeine X05: EvictionTest maximumSize_decrease, evict_weighted_entryTooBig
TEST(PeersLifetime, ASmallerBudgetEvictsAtOnce) {
  process p({.memory = byte_size{1u << 20}});
  for (int id = 0; id < 10'000; ++id) p.put(number(std::to_string(id)), id);
  p.cache.resize(byte_size{128u << 10});
  EXPECT_LE(p.cache.stats().used.count, 128U << 10);
  EXPECT_GT(p.cache.stats().entries, 0U);
  EXPECT_THROW(p.cache.resize(byte_size{0}), bad_options);
  const entity<std::string, "text:{id}"> texts;
  p.run(p.cache.set(texts("big"), std::string(120'000, 'x')));
  EXPECT_FALSE(p.run(p.cache.get(texts("big"))));
  EXPECT_LE(p.cache.stats().used.count, 128U << 10);
}

}  // namespace
}  // namespace strata::peers
