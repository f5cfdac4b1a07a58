/// Many callers of one key, and callers that go away.

#include "tests/contract/abandonable.hpp"
#include "tests/peers/support.hpp"

#include <strata/blocking.hpp>

#include <latch>
#include <thread>

namespace strata::peers {
namespace {

template <class F>
test::abandonable reader(strata::cache& cache, typed_key<int> key, F factory) {
  auto read = cache.get_or_set(key, std::move(factory));
  (void)co_await std::move(read);
}

// FusionCache E05: CacheStampedeTests, with real threads
TEST(PeersStampede, ThreadsShareOneCall) {
  constexpr int threads = 32;
  strata::cache cache;
  std::latch begun(threads);
  std::atomic<int> calls = 0, right = 0;
  std::vector<std::jthread> all;
  for (int thread = 0; thread < threads; ++thread) {
    all.emplace_back([&] {
      begun.arrive_and_wait();
      const auto read = blocking(cache).get_or_set(number(), [&] { return ++calls; });
      right += read && *read == 1 ? 1 : 0;
    });
  }
  all.clear();
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(right, threads);
}

// HybridCache H01: StampedeTests MultipleCallsShareExecution_NoCancellation
TEST(PeersStampede, AllCallersGetTheValueOrTheException) {
  for (const bool fails : {false, true}) {
    process p;
    source db;
    const auto load = [&]() -> task<int> {
      ++db.calls;
      co_await db.answers.wait();
      if (fails) throw std::domain_error("the source is down");
      co_return 1;
    };
    std::vector<std::shared_ptr<call<lookup<int>>>> reads;
    for (int each = 0; each < 5; ++each) reads.push_back(p.begin(p.cache.get_or_set(number(), load)));
    db.answers.set();
    p.settle();
    EXPECT_EQ(db.calls, 1);
    for (const auto& each : reads) {
      if (fails) {
        EXPECT_THROW(each->value(), std::domain_error);
      } else {
        EXPECT_TRUE(is(each->value(), 1));
        EXPECT_EQ(each->value().value(), reads[0]->value().value());  // one object
      }
    }
  }
}

// HybridCache CX3/CX5: StampedeTests MostCancel, waiting for the bulkhead or for another process
TEST(PeersStampede, ACallerMayLeaveWhileItWaitsForItsTurn) {
  process p({.factory_limit = 1});
  source db;
  const auto running = p.begin(p.cache.get_or_set(number("a"), db.slow(1)));
  auto leaving = reader(p.cache, number("b"), db.fast(2));
  leaving.start(p.front);
  p.settle();
  leaving.destroy();
  db.answers.set();
  p.settle();
  EXPECT_TRUE(is(running->value(), 1));
  EXPECT_TRUE(is(p.read(number("b"), db.fast(3)), 3));
}

// HybridCache CX3/CX5: StampedeTests MostCancel, waiting for the bulkhead or for another process
TEST(PeersStampede, ACallerMayLeaveWhileItWaitsForAnotherProcess) {
  group g(2);
  source db;
  const auto running = g[0].begin(g[0].cache.get_or_set(number(), db.slow(1)));
  auto leaving = reader(g[1].cache, number(), db.fast(2));
  leaving.start(g[1].front);
  g.settle();
  EXPECT_FALSE(leaving.done());
  leaving.destroy();
  db.answers.set();
  g.settle();
  EXPECT_TRUE(is(running->value(), 1));
  EXPECT_TRUE(is(g[1].get(number()), 1));
  EXPECT_EQ(db.calls, 1);
}

}  // namespace
}  // namespace strata::peers
