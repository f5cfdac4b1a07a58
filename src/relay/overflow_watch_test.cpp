#include "relay/overflow_watch.hpp"

#include <gtest/gtest.h>

namespace {

using strata::detail::commit_snapshot;
using strata::relay_detail::overflow_watch;

commit_snapshot at(std::uint64_t xmax, std::vector<std::uint64_t> running = {}) {
  return {.xmin = running.empty() ? xmax : running.front(), .xmax = xmax, .running = std::move(running)};
}

TEST(OverflowWatch, IsQuietWhileTheNumberStands) {
  overflow_watch watch(7);
  EXPECT_FALSE(watch.observe(7, at(10, {9})));
  EXPECT_FALSE(watch.observe(7, at(11)));
  EXPECT_FALSE(watch.needs_fence());
  EXPECT_EQ(watch.settled(), 7);
}

TEST(OverflowWatch, RemovesForTransactionsThatHaveCommitted) {
  overflow_watch watch;
  EXPECT_TRUE(watch.observe(1, at(10)));
  ASSERT_TRUE(watch.needs_fence());
  watch.set_fence(10, at(10));
  EXPECT_FALSE(watch.observe(1, at(11)));
  EXPECT_EQ(watch.settled(), 1);
}

TEST(OverflowWatch, RemovesAgainAsEachPossibleCounterEnds) {
  overflow_watch watch;
  EXPECT_TRUE(watch.observe(1, at(10, {5, 7})));
  watch.set_fence(12, at(10, {5, 7}));  // 10 and 11 run as well: no snapshot has named them yet
  EXPECT_FALSE(watch.observe(1, at(10, {5, 7})));
  EXPECT_TRUE(watch.observe(1, at(12, {5, 7, 10}))) << "11 has ended";
  EXPECT_FALSE(watch.observe(1, at(20, {5, 7, 10}))) << "the others came later";
  EXPECT_TRUE(watch.observe(1, at(20, {5, 10})));
  EXPECT_EQ(watch.settled(), 0) << "the next leader has to watch them too";
  EXPECT_TRUE(watch.observe(1, at(20, {15}))) << "5 and 10 at once";
  EXPECT_FALSE(watch.observe(1, at(21)));
  EXPECT_EQ(watch.settled(), 1);
}

TEST(OverflowWatch, SetsANewFenceWhenTheNumberMovesAgain) {
  overflow_watch watch;
  EXPECT_TRUE(watch.observe(1, at(10, {5})));
  watch.set_fence(10, at(10, {5}));
  EXPECT_TRUE(watch.observe(2, at(12, {5})));
  EXPECT_TRUE(watch.needs_fence());
  watch.set_fence(14, at(12, {5}));
  EXPECT_TRUE(watch.observe(2, at(14, {5})));
  EXPECT_FALSE(watch.observe(2, at(15, {5})));
  EXPECT_TRUE(watch.observe(2, at(15)));
  EXPECT_EQ(watch.settled(), 2);
}

}  // namespace
