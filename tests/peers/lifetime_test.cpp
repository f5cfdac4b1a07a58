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
