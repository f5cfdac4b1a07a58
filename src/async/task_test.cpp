#include <strata/task.hpp>

#include "tests/contract/abandonable.hpp"

#include <gtest/gtest.h>
#include <barrier>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

using strata::async_latch;
using strata::completion;
using strata::executor;
using strata::resume_on;
using strata::run_loop;
using strata::start;
using strata::sync_wait;
using strata::task;
using strata::this_executor;
using strata::test::abandonable;

task<int> three() {
  co_return 3;
}

task<int> failing() {
  throw std::runtime_error("no");
  co_return 0;
}

task<int> deep(int depth) {
  if (depth == 0) co_return 0;
  co_return 1 + co_await deep(depth - 1);
}

TEST(Task, ReturnsItsValue) {
  EXPECT_EQ(sync_wait(three()), 3);
}

TEST(Task, MadeFromAValueIsReady) {
  task<std::string> ready("text");
  EXPECT_TRUE(ready.is_ready());
  EXPECT_EQ(sync_wait(std::move(ready)), "text");
}

TEST(Task, HandsOnExceptions) {
  EXPECT_THROW(sync_wait(failing()), std::runtime_error);
}

TEST(Task, DoesNothingBeforeItIsAwaited) {
  bool ran = false;
  {
    auto lazy = [](bool& flag) -> task<> {
      flag = true;
      co_return;
    }(ran);
  }
  EXPECT_FALSE(ran);
}

TEST(Task, ChainsWithoutGrowingTheStack) {
  EXPECT_EQ(sync_wait(deep(5000)), 5000);
}

TEST(Task, ResumesOnItsExecutorWhoeverCompletesIt) {
  async_latch signal;
  const auto home = std::this_thread::get_id();
  auto waits = [](async_latch& e) -> task<std::thread::id> {
    co_await e.wait();
    co_return std::this_thread::get_id();
  };
  std::thread other([&] { signal.set(); });
  EXPECT_EQ(sync_wait(waits(signal)), home);
  other.join();
}

TEST(Task, InheritsTheExecutorOfItsCaller) {
  run_loop loop;
  executor* seen = nullptr;
  auto inner = []() -> task<executor*> { co_return co_await this_executor(); };
  auto outer = [&]() -> task<executor*> { co_return co_await inner(); };
  start(&loop, outer(), [&](completion<executor*> found) { seen = *found; });
  EXPECT_EQ(seen, &loop);
}

TEST(Start, ReportsExceptions) {
  bool threw = false;
  start(nullptr, failing(), [&](const completion<int>& outcome) { threw = !outcome.has_value(); });
  EXPECT_TRUE(threw);
}

TEST(AsyncLatch, WakesAllWaitersOnceAndForAll) {
  async_latch signal;
  run_loop loop;
  int woken = 0;
  auto waits = [](async_latch& e) -> task<> { co_await e.wait(); };
  for (int i = 0; i < 3; ++i) start(&loop, waits(signal), [&](const completion<void>&) { ++woken; });
  loop.run_ready();
  EXPECT_EQ(woken, 0);
  signal.set();
  signal.set();
  loop.run_ready();
  EXPECT_EQ(woken, 3);
  start(&loop, waits(signal), [&](const completion<void>&) { ++woken; });
  EXPECT_EQ(woken, 4);
}

TEST(AsyncLatch, LosesNoWaiterWhenSetWhileTheyCome) {
  for (int round = 0; round < 200; ++round) {
    async_latch signal;
    std::vector<std::thread> waiters;
    std::atomic<int> woken = 0;
    for (int i = 0; i < 3; ++i) {
      waiters.emplace_back([&] {
        sync_wait([](async_latch& e) -> task<> { co_await e.wait(); }(signal));
        ++woken;
      });
    }
    signal.set();
    for (auto& each : waiters) each.join();
    ASSERT_EQ(woken, 3);
  }
}

abandonable wait_for(async_latch& latch, bool& woken) {
  co_await latch.wait();
  woken = true;
}

TEST(AsyncLatch, ForgetsATaskThatIsDestroyedWhileItWaits) {
  async_latch signal;
  bool dropped = false;
  bool woken = false;
  run_loop kept;
  auto waits = wait_for(signal, woken);
  {
    run_loop loop;
    auto drops = wait_for(signal, dropped);
    drops.start(loop);
    waits.start(kept);
  }
  signal.set();
  kept.run_ready();
  EXPECT_TRUE(woken);
  EXPECT_FALSE(dropped);
}

TEST(AsyncLatch, MayGoBeforeATaskThatItHasWokenIsDestroyed) {
  auto signal = std::make_unique<async_latch>();
  run_loop loop;
  bool woken = false;
  {
    auto waits = wait_for(*signal, woken);
    waits.start(loop);
    signal->set();
    signal.reset();
  }
  EXPECT_EQ(loop.run_ready(), 1u);
  EXPECT_FALSE(woken);
}

TEST(AsyncLatch, AWaiterMayDestroyTheOneAfterIt) {
  async_latch signal;
  bool woken = false;
  auto second = std::optional(wait_for(signal, woken));
  run_loop unused;
  start(
      nullptr, [](async_latch& latch) -> task<> { co_await latch.wait(); }(signal),
      [&](const completion<void>&) { second.reset(); });
  second->start(unused);
  signal.set();
  EXPECT_EQ(unused.run_ready(), 0u);
  EXPECT_FALSE(woken);
}

TEST(AsyncLatch, RacedBySetTasksAndTheirExecutorsCanBeDestroyed) {
  constexpr int rounds = 500;
  std::vector<std::unique_ptr<async_latch>> signals;
  for (int i = 0; i < rounds; ++i) signals.push_back(std::make_unique<async_latch>());
  std::barrier together(2);
  std::thread setter([&] {
    for (const auto& each : signals) {
      together.arrive_and_wait();
      each->set();
    }
  });
  for (const auto& each : signals) {
    bool first = false;
    bool second = false;
    const auto loop = std::make_unique<run_loop>();
    auto one = wait_for(*each, first);
    auto other = wait_for(*each, second);
    one.start(*loop);
    other.start(*loop);
    together.arrive_and_wait();
    other.destroy();
    loop->run_ready();
  }
  setter.join();
}

TEST(ResumeOn, ATaskDestroyedOnItsWayIsNotResumed) {
  run_loop home;
  run_loop target;
  bool moved = false;
  {
    auto moves = [](run_loop& to, bool& did) -> abandonable {
      co_await resume_on{to};
      did = true;
    };
    auto task = moves(target, moved);
    task.start(home);
  }
  EXPECT_EQ(target.run_ready(), 1u);
  EXPECT_FALSE(moved);
}

}  // namespace
