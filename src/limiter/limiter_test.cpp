#include <strata/limiter.hpp>

#include <strata/error.hpp>

#include <limits>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace strata {
namespace {

using namespace std::chrono_literals;

constexpr time_point start{std::chrono::hours(1)};

TEST(Gcra, AllowsTheBurstThenOneAnInterval) {
  const rate_limit rule{.limit = 60, .window = 1min, .burst = 3};
  time_point arrival{};
  for (int left = 2; left >= 0; --left) {
    const auto now = gcra(rule, arrival, start);
    EXPECT_TRUE(now.allowed);
    EXPECT_EQ(now.remaining, static_cast<std::uint64_t>(left));
    EXPECT_EQ(now.limit, 3u);
  }
  const auto refused = gcra(rule, arrival, start);
  EXPECT_FALSE(refused.allowed);
  EXPECT_EQ(refused.remaining, 0u);
  EXPECT_EQ(refused.retry_after, 1s);
  EXPECT_EQ(refused.reset_after, 3s);
  EXPECT_FALSE(gcra(rule, arrival, start + 999ms).allowed);
  EXPECT_TRUE(gcra(rule, arrival, start + 1s).allowed);
  EXPECT_FALSE(gcra(rule, arrival, start + 1s).allowed);
}

TEST(Gcra, WithoutABurstTheWholeLimitMayComeAtOnce) {
  const rate_limit rule{.limit = 100, .window = 1min};
  time_point arrival{};
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(gcra(rule, arrival, start).allowed) << i;
  EXPECT_FALSE(gcra(rule, arrival, start).allowed);
  EXPECT_TRUE(gcra(rule, arrival, start + 600ms).allowed);
}

TEST(Gcra, ARefusalCostsNothing) {
  const rate_limit rule{.limit = 1, .window = 10s};
  time_point arrival{};
  EXPECT_TRUE(gcra(rule, arrival, start).allowed);
  for (int i = 0; i < 1000; ++i) EXPECT_FALSE(gcra(rule, arrival, start + 9s).allowed);
  EXPECT_TRUE(gcra(rule, arrival, start + 10s).allowed);
}

TEST(Gcra, CostCountsAndMoreThanTheBurstNeverPasses) {
  const rate_limit rule{.limit = 10, .window = 10s};
  time_point arrival{};
  EXPECT_TRUE(gcra(rule, arrival, start, 7).allowed);
  const auto refused = gcra(rule, arrival, start, 4);
  EXPECT_FALSE(refused.allowed);
  EXPECT_EQ(refused.remaining, 3u);
  EXPECT_EQ(refused.retry_after, 1s);
  EXPECT_TRUE(gcra(rule, arrival, start, 3).allowed);
  EXPECT_FALSE(gcra(rule, arrival, start + 24h, 11).allowed);
  EXPECT_FALSE(gcra(rule, arrival, start + 24h, std::numeric_limits<std::uint64_t>::max()).allowed);
}

TEST(Gcra, ALimitFasterThanTheClockStillCounts) {
  const rate_limit rule{.limit = 3'000'000'000, .window = 1s, .burst = 1};
  time_point arrival{};
  EXPECT_TRUE(gcra(rule, arrival, start).allowed);
}

TEST(Gcra, NeverAllowsMoreThanBurstPlusRefillInAnyStretch) {
  const rate_limit rule{.limit = 7, .window = 1s, .burst = 4};
  std::mt19937 random(7);
  time_point arrival{};
  std::vector<time_point> allowed;
  auto now = start;
  for (int i = 0; i < 20'000; ++i) {
    now += std::chrono::microseconds(random() % 100'000);
    if (gcra(rule, arrival, now).allowed) allowed.push_back(now);
  }
  ASSERT_GT(allowed.size(), 1000u);
  for (std::size_t from = 0; from < allowed.size(); ++from) {
    for (std::size_t to = from; to < std::min(allowed.size(), from + 50); ++to) {
      const double seconds = std::chrono::duration<double>(allowed[to] - allowed[from]).count();
      ASSERT_LE(static_cast<double>(to - from + 1), 4 + 7 * seconds + 1e-6);
    }
  }
}

TEST(Limiter, CountsCallersApart) {
  limiter limits({.limit = 2, .window = 1min});
  EXPECT_TRUE(limits.take("a", start).allowed);
  EXPECT_TRUE(limits.take("a", start).allowed);
  EXPECT_FALSE(limits.take("a", start).allowed);
  EXPECT_TRUE(limits.take("b", start).allowed);
}

TEST(Limiter, InventedCallersDoNotUndoALimit) {
  limiter limits({.limit = 5, .window = 1min}, {.max_callers = 64});
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(limits.take("greedy", start).allowed);
  for (int i = 0; i < 100'000; ++i) {
    limits.take("invented" + std::to_string(i), start);
    if (i % 1000 == 0) {
      EXPECT_FALSE(limits.take("greedy", start).allowed) << i;
    }
  }
}

TEST(Limiter, ForgetsACallerOnlyForOneWithLess) {
  // One set of eight slots: the ninth caller takes the place of the one that used least.
  limiter limits({.limit = 10, .window = 1min}, {.max_callers = 8});
  for (int caller = 0; caller < 8; ++caller) {
    for (int i = 0; i <= caller; ++i) limits.take(std::to_string(caller), start);
  }
  limits.take("ninth", start);
  EXPECT_EQ(limits.take("7", start).remaining, 1u);
  EXPECT_EQ(limits.take("1", start).remaining, 7u);
}

TEST(Limiter, NeverLetsMoreThanTheLimitThroughFromManyThreads) {
  limiter limits({.limit = 1000, .window = 1h});
  std::atomic<int> allowed = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 1000; ++i) allowed += limits.take("shared", start).allowed ? 1 : 0;
    });
  }
  for (auto& each : threads) each.join();
  EXPECT_EQ(allowed, 1000);
}

TEST(Limiter, BadOptionsNameEveryProblem) {
  try {
    limiter refused({.limit = 0, .window = 0s}, {.max_callers = 0});
    FAIL();
  } catch (const bad_options& wrong) {
    EXPECT_EQ(wrong.problems().size(), 3u);
  }
}

}  // namespace
}  // namespace strata
