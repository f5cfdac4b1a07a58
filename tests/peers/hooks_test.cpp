/// Hooks, and callers that leave.

#include "tests/contract/abandonable.hpp"
#include "tests/peers/support.hpp"

namespace strata::peers {
namespace {

/// Counts what it is called about.
struct counting : cache_observer {
  std::vector<std::string> seen;
  void on_hit(std::string_view, const read_info&) override { seen.emplace_back("hit"); }
  void on_miss(std::string_view, miss_reason) override { seen.emplace_back("miss"); }
  void on_fill(std::string_view, duration) override { seen.emplace_back("fill"); }
  void on_set(std::string_view, duration) override { seen.emplace_back("set"); }
  void on_stale(std::string_view) override { seen.emplace_back("stale"); }
  void on_error(std::string_view, const error&) override { seen.emplace_back("error"); }
  void on_remove(invalidation_scope scope, std::string_view) override {
    seen.emplace_back(scope == invalidation_scope::everything ? "clear" : "remove");
  }
  void on_expire(invalidation_scope, std::string_view) override { seen.emplace_back("expire"); }
};

// FusionCache E01: EventsTests EntryEventsWork, GetOrSet
TEST(PeersHooks, EachKindOfOperationCallsItsHook) {
  const auto hooks = std::make_shared<counting>();
  process p({.observer = hooks});
  source db;
  const policy safe{.ttl = 1h, .jitter = 0, .fail_safe = true};
  const auto after = [&](auto&& operation) {
    hooks->seen.clear();
    operation();
    return hooks->seen;
  };
  using names = std::vector<std::string>;
  EXPECT_EQ(after([&] { p.get(number(safe)); }), names{"miss"});
  EXPECT_EQ(after([&] { p.put(number(safe), 1); }), names{"set"});
  EXPECT_EQ(after([&] { p.get(number(safe)); }), names{"hit"});
  EXPECT_EQ(after([&] { p.run(p.cache.expire(number(safe))); }), names{"expire"});
  const auto stale = after([&] { p.read(number(safe), db.failing()); });
  EXPECT_EQ(std::ranges::count(stale, "stale"), 1);
  EXPECT_EQ(std::ranges::count(stale, "error"), 1);
  EXPECT_EQ(after([&] { p.run(p.cache.remove(number(safe))); }), names{"remove"});
  const auto filled = after([&] { p.read(number(safe), db.fast(2)); });
  EXPECT_EQ(std::ranges::count(filled, "miss"), 1);
  EXPECT_EQ(std::ranges::count(filled, "fill"), 1);
  EXPECT_EQ(after([&] { p.run(p.cache.clear()); }), names{"clear"});
}

// FusionCache E04: EventsTests, the exceptions of handlers are contained
TEST(PeersHooks, WhatAHookThrowsReachesNoCaller) {
  struct throwing final : cache_observer {
    void on_hit(std::string_view, const read_info&) override { throw std::domain_error("a hook"); }
    void on_miss(std::string_view, miss_reason) override { throw std::domain_error("a hook"); }
    void on_fill(std::string_view, duration) override { throw std::domain_error("a hook"); }
  };
  process p({.observer = std::make_shared<throwing>()});
  EXPECT_TRUE(is(p.read(number(), [] { return 1; }), 1));
  EXPECT_TRUE(is(p.get(number()), 1));
  EXPECT_EQ(p.cache.stats().hook_failures, 3U);
}

test::abandonable reader(strata::cache& cache, typed_key<int> key, source& db) {
  auto read = cache.get_or_set(key, db.slow(1));
  (void)co_await std::move(read);
}

// HybridCache H02: StampedeTests MultipleCallsShareExecution_MostCancel, _EveryoneCancels
TEST(PeersHooks, CallersMayLeaveWhileTheFactoryRuns) {
  for (const bool timeouts : {false, true}) {
    for (const bool everyone : {false, true}) {
      auto rules = hour();
      if (timeouts) rules.hard_timeout = 1h;
      process p;
      source db;
      std::vector<test::abandonable> leaving;
      for (int each = 0; each < 4; ++each) leaving.push_back(reader(p.cache, number(rules), db));
      for (auto& each : leaving) each.start(p.front);
      p.settle();
      std::shared_ptr<call<lookup<int>>> stays;
      if (!everyone) stays = p.begin(p.cache.get_or_set(number(rules), db.slow(1)));
      for (auto& each : leaving) each.destroy();
      db.answers.set();
      p.settle();
      if (!everyone) EXPECT_TRUE(is(stays->value(), 1));
      EXPECT_TRUE(is(p.read(number(rules).with(hour()), db.fast(1)), 1));
      // The leader's own task runs its factory where no timeout moves it to the background.
      EXPECT_LE(db.calls, timeouts ? 1 : 2);
    }
  }
}

// FusionCache G13: CanExecuteBackgroundDistributedCacheOperations
TEST(PeersHooks, AMissNeedNotWaitForTheStore) {
  group g(2, {.fill_l2_behind = true});
  g.stores[0]->delay({.call = testing::store_call::fill});
  EXPECT_TRUE(is(g[0].read(number(), [] { return 1; }), 1));
  EXPECT_TRUE(is(g[0].get(number()), 1));
  EXPECT_TRUE(is_miss(g[1].get(number())));
  g.stores[0]->let_go();
  g.settle();
  EXPECT_TRUE(is(g[1].get(number()), 1));
}

}  // namespace
}  // namespace strata::peers
