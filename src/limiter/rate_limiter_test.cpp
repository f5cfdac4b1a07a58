#include <strata/rate_limiter.hpp>
#include <strata/testing.hpp>

#include <algorithm>
#include <deque>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace strata {
namespace {

using namespace std::chrono_literals;

/// Limits whose answers a test holds back, and which can be away.
class held_limits final : public rate_limit_store {
 public:
  explicit held_limits(std::shared_ptr<rate_limit_store> behind) : behind_(std::move(behind)) {}

  task<result<rate_standing>> charge(rate_charge what) override {
    ++calls;
    if (away) co_return std::unexpected(error{.code = errc::store_unavailable, .detail = "away"});
    auto answer = co_await behind_->charge(what);  // takes effect at once; only the answer is late
    if (hold) co_await late_.emplace_back().wait();
    co_return answer;
  }
  void let_go() {
    hold = false;
    for (auto& each : late_) each.set();
  }

  bool away = false;
  bool hold = false;
  int calls = 0;

 private:
  std::shared_ptr<rate_limit_store> behind_;
  std::deque<async_latch> late_;
};

struct gateways {
  testing::manual_clock time;
  std::shared_ptr<memory_server> server = make_memory_server(time);
  std::vector<std::shared_ptr<held_limits>> stores;
  std::vector<std::unique_ptr<rate_limiter>> limits;

  gateways(std::size_t count, const rate_limit& rule, std::optional<std::uint64_t> share = {}) {
    for (std::size_t i = 0; i < count; ++i) {
      stores.push_back(std::make_shared<held_limits>(rate_limits_of(connect(server))));
      limits.push_back(std::make_unique<rate_limiter>(
          rule, rate_limiter_options{.shared = stores.back(), .share = share, .time = &time}));
    }
  }
  bool take(std::size_t gateway, std::string_view caller = "c") {
    return sync_wait(limits[gateway]->take(caller)).allowed;
  }
  int calls() const {
    int all = 0;
    for (const auto& each : stores) all += each->calls;
    return all;
  }
};

TEST(RateLimiter, CountsWithoutAStore) {
  testing::manual_clock time;
  rate_limiter limits({.limit = 2, .window = 1min}, {.time = &time});
  EXPECT_EQ(sync_wait(limits.take("a")).remaining, 1u);
  EXPECT_TRUE(sync_wait(limits.take("a")).allowed);
  const auto refused = sync_wait(limits.take("a"));
  EXPECT_FALSE(refused.allowed);
  EXPECT_EQ(refused.retry_after, 30s);
  EXPECT_TRUE(sync_wait(limits.take("b")).allowed);
  time.advance(30s);
  EXPECT_TRUE(sync_wait(limits.take("a")).allowed);
  EXPECT_EQ(limits.stats().allowed, 4u);
  EXPECT_EQ(limits.stats().refused, 1u);
  EXPECT_FALSE(limits.stats().alone) << "there is no store that could be away";
}

TEST(RateLimiter, ASmallLimitIsExactAmongGateways) {
  gateways four(4, {.limit = 10, .window = 1min});
  int allowed = 0;
  for (int i = 0; i < 40; ++i) allowed += four.take(static_cast<std::size_t>(i) % 4) ? 1 : 0;
  EXPECT_EQ(allowed, 10);
}

TEST(RateLimiter, NeverAdmitsMoreThanTheStatedErrorAboveTheRule) {
  constexpr std::uint64_t limit = 1000, share = 10, count = 4;
  const rate_limit rule{.limit = limit, .window = 1min, .burst = 100};
  std::mt19937 random(17);
  for (int round = 0; round < 20; ++round) {
    gateways four(count, rule, share);
    std::vector<time_point> allowed;
    for (int i = 0; i < 20'000; ++i) {
      if (random() % 8 == 0) four.time.advance(std::chrono::milliseconds(random() % 40));
      // Often one of them, then all at once: the worst for what the others do not know yet.
      const auto gateway = random() % 3 == 0 ? random() % count : (static_cast<unsigned>(i) / 500) % count;
      if (random() % 50 == 0) four.stores[gateway]->hold = true;
      if (random() % 10 == 0) four.stores[gateway]->let_go();
      if (four.limits[gateway]->peek("c").allowed) {
        start(nullptr, four.limits[gateway]->take("c"), [&](const completion<rate_decision>& done) {
          if (done->allowed) allowed.push_back(four.time.now());
        });
      }
    }
    for (auto& each : four.stores) each->let_go();
    // In every stretch: the rule, the shares of the others, and what is refilled while a report is not sent
    // yet.
    const double slack = static_cast<double>((count - 1) * share) + static_cast<double>(limit) / 100;
    ASSERT_GT(allowed.size(), 200u);
    std::ranges::sort(allowed);
    for (std::size_t from = 0; from < allowed.size(); from += 7) {
      for (std::size_t to = from; to < allowed.size(); to += 5) {
        const double seconds = std::chrono::duration<double>(allowed[to] - allowed[from]).count();
        ASSERT_LE(static_cast<double>(to - from + 1), 100 + limit / 60.0 * seconds + slack + 1)
            << "round " << round << ", " << seconds << " s from " << from;
      }
    }
  }
}

TEST(RateLimiter, RefusesNobodyWithinTheRule) {
  const rate_limit rule{.limit = 1000, .window = 1min};
  std::mt19937 random(5);
  for (int round = 0; round < 20; ++round) {
    gateways four(4, rule);
    time_point exact{};
    for (int i = 0; i < 5'000; ++i) {
      if (random() % 4 == 0) four.time.advance(std::chrono::milliseconds(random() % 400));
      const auto gateway = random() % 4;
      if (random() % 50 == 0) four.stores[gateway]->hold = true;
      if (random() % 10 == 0) four.stores[gateway]->let_go();
      auto tried = exact;
      if (!gcra(rule, tried, four.time.now()).allowed) continue;  // one counter would refuse it, too
      exact = tried;
      if (four.stores[gateway]->hold) {
        ASSERT_TRUE(four.limits[gateway]->take_now("c").allowed) << "round " << round << ", request " << i;
      } else {
        ASSERT_TRUE(four.take(gateway)) << "round " << round << ", request " << i;
      }
    }
    for (auto& each : four.stores) each->let_go();
  }
}

TEST(RateLimiter, ADecisionSeldomCostsARoundTrip) {
  gateways two(2, {.limit = 10'000, .window = 1min});
  for (int i = 0; i < 10'000; ++i) two.take(static_cast<std::size_t>(i) % 2);
  EXPECT_LE(two.calls(), 10'000 / 50 + 2);
  EXPECT_LE(two.limits[0]->stats().waited, 1u);
  for (int i = 0; i < 200; ++i) two.take(0);
  const auto before = two.calls();
  for (int i = 0; i < 1000; ++i) EXPECT_FALSE(two.take(0));
  EXPECT_LE(two.calls(), before + 1) << "who is known to be over asks nothing more";
}

TEST(RateLimiter, WaitsForTheStoreOnlyWhenTheShareIsUsedUp) {
  gateways one(1, {.limit = 1000, .window = 1min}, 4);
  one.stores[0]->hold = true;
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(one.limits[0]->take("c").is_ready()) << i;
  std::optional<rate_decision> late;
  start(nullptr, one.limits[0]->take("c"), [&](const completion<rate_decision>& done) { late = *done; });
  EXPECT_FALSE(late);
  one.stores[0]->let_go();
  ASSERT_TRUE(late);
  EXPECT_TRUE(late->allowed);
  EXPECT_EQ(late->remaining, 995u);
  EXPECT_EQ(one.limits[0]->stats().waited, 1u);
}

TEST(RateLimiter, DecidesAloneWhileTheStoreIsAwayAndReportsAfterwards) {
  gateways two(2, {.limit = 100, .window = 1h}, 0);
  EXPECT_TRUE(two.take(0));
  two.stores[0]->away = true;
  for (int i = 0; i < 60; ++i) EXPECT_TRUE(two.take(0)) << i;
  EXPECT_TRUE(two.limits[0]->stats().alone);
  EXPECT_EQ(two.stores[0]->calls, 2) << "it does not ask again for every request";
  for (int i = 0; i < 40; ++i) two.take(0);
  EXPECT_FALSE(two.take(0)) << "alone it applies the rule by itself";
  two.stores[0]->away = false;
  two.time.advance(40s);
  EXPECT_TRUE(two.take(0));
  EXPECT_FALSE(two.limits[0]->stats().alone);
  EXPECT_FALSE(two.take(1)) << "the store counts what the other process admitted meanwhile";
}

TEST(RateLimiter, BoundsACallerByItselfWhenTheStoreForgets) {
  gateways one(1, {.limit = 100, .window = 1h}, 10);
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(one.take(0));
  one.server = make_memory_server(one.time);
  EXPECT_FALSE(one.take(0));
}

TEST(RateLimiter, PeekingCountsNothing) {
  testing::manual_clock time;
  rate_limiter limits({.limit = 1, .window = 1min}, {.time = &time});
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(limits.peek("a").allowed);
  EXPECT_TRUE(limits.take_now("a").allowed);
  EXPECT_FALSE(limits.peek("a").allowed);
}

TEST(RateLimiter, OneTableForManyThreads) {
  testing::manual_clock time;
  const auto server = make_memory_server(time);
  rate_limiter limits({.limit = 1000, .window = 1h},
                      {.shared = rate_limits_of(connect(server)), .share = 7, .time = &time});
  std::atomic<int> allowed = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 1000; ++i) allowed += sync_wait(limits.take("shared")).allowed ? 1 : 0;
    });
  }
  for (auto& each : threads) each.join();
  EXPECT_EQ(allowed, 1000);
}

TEST(RateLimiter, BadOptionsNameEveryProblem) {
  try {
    rate_limiter refused({.limit = 0, .window = 0s},
                         {.report_after = -1s, .max_callers = 0, .time = nullptr});
    FAIL();
  } catch (const bad_options& wrong) {
    EXPECT_EQ(wrong.problems().size(), 5u);
  }
}

}  // namespace
}  // namespace strata
