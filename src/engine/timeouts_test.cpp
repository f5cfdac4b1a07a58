/// Soft and hard timeouts.

#include "engine/stage_test_support.hpp"

#include <gtest/gtest.h>
#include <stdexcept>

namespace {

using namespace strata;
using engine_test::agent;
using engine_test::failing;
using engine_test::stage;
using namespace std::chrono_literals;

const policy timed{
    .ttl = 60s, .jitter = 0, .fail_safe = true, .grace = 600s, .soft_timeout = 100ms, .hard_timeout = 2s};

TEST(SoftTimeout, ServesStaleAndFinishesInTheBackground) {
  stage s(timed);
  s.read_value("old");
  s.advance(61s);
  async_latch go;
  const auto slow = s.read([&]() -> task<agent> {
    co_await go.wait();
    co_return agent{"1", "new"};
  });
  s.advance(99ms);
  EXPECT_FALSE(slow->got);
  s.advance(1ms);
  ASSERT_TRUE(slow->got);
  EXPECT_EQ((*slow->got)->name, "old");
  EXPECT_TRUE(slow->got->info().stale);
  go.set();
  s.settle();
  EXPECT_EQ((*s.read_value("never")->got)->name, "new");
}

TEST(SoftTimeout, IsCountedFromTheFlightsBeginningForThoseWhoJoinIt) {
  stage s(timed);
  const auto of_maintenance = s.timer.pending();
  s.read_value("old");
  s.advance(61s);
  async_latch go;
  const auto slow = [&]() -> task<agent> {
    co_await go.wait();
    co_return agent{"1", "new"};
  };
  s.read(slow);
  s.advance(60ms);
  const auto early = s.read(slow);
  s.advance(40ms);
  ASSERT_TRUE(early->got);
  EXPECT_TRUE(early->got->info().stale);
  const auto late = s.read(slow);
  ASSERT_TRUE(late->got) << "the flight is known to be late";
  EXPECT_EQ((*late->got)->name, "old");
  EXPECT_TRUE(late->got->info().stale);
  EXPECT_EQ(s.timer.pending(), of_maintenance);
  go.set();
  s.settle();
  EXPECT_EQ((*s.read_value("never")->got)->name, "new");
}

TEST(SoftTimeout, WaitsOnWhereThereIsNothingStale) {
  stage s(timed);
  async_latch go;
  const auto slow = s.read([&]() -> task<agent> {
    co_await go.wait();
    co_return agent{"1", "new"};
  });
  s.advance(500ms);
  EXPECT_FALSE(slow->got);
  go.set();
  s.settle();
  EXPECT_EQ((*slow->got)->name, "new");
}

TEST(HardTimeout, EndsTheWaitOfAllWithAnErrorAndLeaksNothing) {
  auto rules = timed;
  rules.fail_safe = false;
  rules.soft_timeout = 0s;
  stage s(rules);
  const auto of_maintenance = s.timer.pending();
  async_latch never;
  const auto stuck = [&]() -> task<agent> {
    co_await never.wait();
    co_return agent{"1", "late"};
  };
  const auto leader = s.read(stuck);
  const auto follower = s.read(stuck);
  s.advance(2s);
  for (const auto& each : {leader, follower}) {
    ASSERT_TRUE(each->got);
    ASSERT_NE(each->got->failure(), nullptr);
    EXPECT_EQ(each->got->failure()->code, errc::timeout);
  }
  // The next read tries again at once, and what comes late is still stored, unless newer is there.
  EXPECT_EQ((*s.read_value("new")->got)->name, "new");
  never.set();
  s.settle();
  EXPECT_EQ((*s.read_value("never")->got)->name, "new");
  EXPECT_EQ(s.store.stats().flights, 0u);
  EXPECT_EQ(s.timer.pending(), of_maintenance);
}

TEST(HardTimeout, IsFollowedByTheThrottleOfFailSafe) {
  auto rules = timed;
  rules.soft_timeout = 0s;
  rules.hard_timeout = 500ms;
  stage s(rules);
  s.read_value("old");
  s.advance(61s);
  async_latch never;
  int calls = 0;
  const auto hangs = [&]() -> task<agent> {
    ++calls;
    co_await never.wait();
    co_return agent{"1", "late"};
  };
  for (int i = 0; i < 5; ++i) {
    const auto read = s.read(hangs);
    s.advance(500ms);
    ASSERT_TRUE(read->got);
    EXPECT_EQ((*read->got)->name, "old");
    EXPECT_TRUE(read->got->info().stale);
  }
  EXPECT_EQ(calls, 1);
  s.advance(rules.throttle);
  s.read(hangs);
  EXPECT_EQ(calls, 2);
  never.set();
  s.settle();
  EXPECT_EQ((*s.read_value("never")->got)->name, "late") << "what comes late ends the throttle";
  EXPECT_FALSE(s.read_value("never")->got->info().stale);
}

TEST(HardTimeout, StoresWhatComesLate) {
  auto rules = timed;
  rules.fail_safe = false;
  rules.soft_timeout = 0s;
  stage s(rules);
  async_latch go;
  const auto late = s.read([&]() -> task<agent> {
    co_await go.wait();
    co_return agent{"1", "late"};
  });
  s.advance(2s);
  EXPECT_NE(late->got->failure(), nullptr);
  go.set();
  s.settle();
  EXPECT_EQ((*s.read_value("never")->got)->name, "late");
}

TEST(HardTimeout, ServesStaleUnderFailSafe) {
  auto rules = timed;
  rules.soft_timeout = 0s;
  stage s(rules);
  s.read_value("old");
  s.advance(61s);
  async_latch never;
  const auto stuck = s.read([&]() -> task<agent> {
    co_await never.wait();
    co_return agent{};
  });
  s.advance(2s);
  EXPECT_EQ((*stuck->got)->name, "old");
  EXPECT_TRUE(stuck->got->info().stale);
  never.set();
  s.settle();
}

TEST(Timeouts, TellTheObserverOfEveryStaleAnswer) {
  struct counting : cache_observer {
    int stale = 0;
    void on_stale(std::string_view) override { ++stale; }
  };
  for (const bool soft : {true, false}) {
    auto rules = timed;
    if (!soft) rules.soft_timeout = 0s;
    const auto watching = std::make_shared<counting>();
    stage s(rules, {.observer = watching});
    s.read_value("old");
    s.advance(61s);
    async_latch never;
    s.read([&]() -> task<agent> {
      co_await never.wait();
      co_return agent{};
    });
    s.advance(2s);
    EXPECT_EQ(watching->stale, 1) << (soft ? "soft" : "hard");
    never.set();
    s.settle();
  }
}

TEST(Timeouts, HandOnTheFactorysExceptionUnchanged) {
  auto rules = timed;
  rules.fail_safe = false;
  rules.soft_timeout = 0s;
  stage s(rules);
  const auto read = s.read(failing);
  EXPECT_THROW(std::rethrow_exception(read->thrown), std::domain_error);
}

TEST(Timeouts, ABackgroundFillCannotBringBackWhatWasRemoved) {
  auto rules = timed;
  rules.fail_safe = false;
  rules.soft_timeout = 0s;
  stage s(rules);
  async_latch go;
  s.read([&]() -> task<agent> {
    co_await go.wait();
    co_return agent{"1", "old"};
  });
  s.advance(2s);
  sync_wait(s.store.remove(s.agents("1")));
  go.set();
  s.settle();
  EXPECT_EQ((*s.read_value("new")->got)->name, "new");
}

}  // namespace
