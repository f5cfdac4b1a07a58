#include "async/timed_wait.hpp"

#include "tests/contract/abandonable.hpp"

#include <strata/testing.hpp>

#include <barrier>
#include <optional>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace strata::detail {
namespace {

using namespace std::chrono_literals;
using testing::manual_clock;
using testing::manual_timers;

class TimedWait : public ::testing::Test {
 public:
  task<bool> wait() { co_return co_await timed_wait(latch, timers, time.now() + 1s); }
  void start_waiting() {
    start(&loop, wait(), [this](completion<bool> was_set) { outcome = *was_set; });
  }

  manual_clock time;
  manual_timers timers{time};
  run_loop loop;
  std::shared_ptr<async_latch> latch = std::make_shared<async_latch>();
  std::optional<bool> outcome;
};

TEST_F(TimedWait, IsTrueWhenTheLatchIsSetInTime) {
  start_waiting();
  EXPECT_EQ(timers.pending(), 1u);
  latch->set();
  EXPECT_FALSE(outcome);
  loop.run_ready();
  EXPECT_EQ(outcome, true);
  EXPECT_EQ(timers.pending(), 0u);
}

TEST_F(TimedWait, IsFalseAtTheDeadline) {
  start_waiting();
  time.advance(1s);
  timers.run_due();
  loop.run_ready();
  EXPECT_EQ(outcome, false);
  latch->set();
  EXPECT_EQ(loop.run_ready(), 0u);
}

TEST_F(TimedWait, OfALatchThatIsSetDoesNotSuspend) {
  latch->set();
  start_waiting();
  EXPECT_EQ(outcome, true);
  EXPECT_EQ(timers.pending(), 0u);
}

TEST_F(TimedWait, TakesItsRegistrationsBackWhenItsTaskIsDestroyed) {
  {
    auto waits = [](TimedWait& in) -> test::abandonable {
      co_await timed_wait(in.latch, in.timers, in.time.now() + 1s);
    };
    auto task = waits(*this);
    task.start(loop);
    EXPECT_EQ(timers.pending(), 1u);
  }
  EXPECT_EQ(timers.pending(), 0u);
  latch->set();
  EXPECT_EQ(loop.run_ready(), 0u);
}

TEST_F(TimedWait, RacedByLatchAndDeadlineResumesOnce) {
  constexpr int rounds = 300;
  std::vector<std::shared_ptr<async_latch>> latches;
  for (int i = 0; i < rounds; ++i) latches.push_back(std::make_shared<async_latch>());
  std::barrier together(3);
  std::thread setter([&] {
    for (const auto& each : latches) {
      together.arrive_and_wait();
      each->set();
      together.arrive_and_wait();
    }
  });
  std::thread timer([&] {
    for (int i = 0; i < rounds; ++i) {
      together.arrive_and_wait();
      timers.run_due();
      together.arrive_and_wait();
    }
  });
  int resumed = 0;
  for (const auto& each : latches) {
    latch = each;
    start(&loop, wait(), [&](const completion<bool>&) { ++resumed; });
    time.advance(1s);
    together.arrive_and_wait();
    loop.run_ready();
    together.arrive_and_wait();
    loop.run_ready();
  }
  setter.join();
  timer.join();
  EXPECT_EQ(resumed, rounds);
}

}  // namespace
}  // namespace strata::detail
