#include "engine/deadlines.hpp"

#include <strata/testing.hpp>

#include <gtest/gtest.h>

namespace strata::detail {
namespace {

using namespace std::chrono_literals;

struct call final : deadlines::entry {
  int expired = 0;
  void expire() override { ++expired; }
};

struct Deadlines : ::testing::Test {
  testing::manual_clock time;
  testing::manual_timers timers{time};
  std::shared_ptr<deadlines> limit = std::make_shared<deadlines>(200ms, timers, time);

  void advance(duration by) {
    time.advance(by);
    timers.run_due();
  }
};

TEST_F(Deadlines, EndACallAtItsLimit) {
  const auto late = std::make_shared<call>();
  limit->add(late);
  advance(199ms);
  EXPECT_EQ(late->expired, 0);
  advance(1ms);
  EXPECT_EQ(late->expired, 1);
  advance(1s);
  EXPECT_EQ(late->expired, 1);
}

TEST_F(Deadlines, ExpireNothingOnceTheyAreStopped) {
  const auto late = std::make_shared<call>();
  limit->add(late);
  limit->stop();
  advance(1s);
  EXPECT_EQ(late->expired, 0);
}

TEST_F(Deadlines, LeaveACallThatEndedInTime) {
  const auto quick = std::make_shared<call>();
  limit->remove(limit->add(quick));
  EXPECT_EQ(quick.use_count(), 1) << "it is forgotten at once";
  advance(1s);
  EXPECT_EQ(quick->expired, 0);
}

TEST_F(Deadlines, EndEachCallAtItsOwnTime) {
  const auto first = std::make_shared<call>();
  const auto second = std::make_shared<call>();
  const auto third = std::make_shared<call>();
  limit->add(first);
  advance(50ms);
  const auto id = limit->add(second);
  advance(50ms);
  limit->add(third);
  limit->remove(id);
  advance(100ms);
  EXPECT_EQ(first->expired, 1);
  EXPECT_EQ(third->expired, 0);
  advance(100ms);
  EXPECT_EQ(second->expired, 0);
  EXPECT_EQ(third->expired, 1);
}

TEST_F(Deadlines, IgnoreARemovalAfterTheEnd) {
  const auto late = std::make_shared<call>();
  const auto id = limit->add(late);
  advance(200ms);
  limit->remove(id);
  EXPECT_EQ(late->expired, 1);
}

}  // namespace
}  // namespace strata::detail
