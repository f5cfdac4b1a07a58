#include "async/work_queue.hpp"

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace strata::detail {
namespace {

using queue = work_queue<std::unique_ptr<int>>;

TEST(WorkQueue, GivesWorkInOrderAndRefusesMoreThanItsLimit) {
  queue work;
  EXPECT_EQ(work.post(std::make_unique<int>(1), 2), queue::posted::yes);
  EXPECT_EQ(work.post(std::make_unique<int>(2), 2), queue::posted::yes);
  EXPECT_EQ(work.post(std::make_unique<int>(3), 2), queue::posted::full);
  EXPECT_EQ(work.post(std::make_unique<int>(4)), queue::posted::yes);
  EXPECT_EQ(**work.take(), 1);
  EXPECT_EQ(**work.take(), 2);
  EXPECT_EQ(**work.take(), 4);
}

TEST(WorkQueue, ClosedGivesWhatWaitsAndThenNothing) {
  queue work;
  work.post(std::make_unique<int>(1));
  work.close();
  EXPECT_EQ(work.post(std::make_unique<int>(2)), queue::posted::closed);
  EXPECT_EQ(**work.take(), 1);
  EXPECT_FALSE(work.take());
}

TEST(WorkQueue, ClosedAndClearedGivesNothing) {
  queue work;
  work.post(std::make_unique<int>(1));
  work.close();
  EXPECT_EQ(work.clear().size(), 1u);
  EXPECT_FALSE(work.take());
}

TEST(WorkQueue, ManyThreadsTakeEachPieceOnce) {
  queue work;
  std::atomic<int> sum = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      while (const auto next = work.take()) sum += **next;
    });
  }
  for (int i = 1; i <= 1000; ++i) work.post(std::make_unique<int>(i));
  work.close();
  for (auto& each : threads) each.join();
  EXPECT_EQ(sum, 500500);
  EXPECT_EQ(work.idle(), 0u);
}

}  // namespace
}  // namespace strata::detail
