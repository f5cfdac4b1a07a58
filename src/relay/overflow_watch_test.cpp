#include "relay/overflow_watch.hpp"

#include <gtest/gtest.h>

namespace {

using strata::detail::commit_snapshot;
using strata::relaying::overflow_watch;

commit_snapshot at(std::uint64_t xmax, std::vector<std::uint64_t> running = {}) {
  return {.xmin = running.empty() ? xmax : running.front(), .xmax = xmax, .running = std::move(running)};
}

TEST(OverflowWatch, IsQuietWhileNobodyCounts) {
  overflow_watch watch(7);
  EXPECT_FALSE(watch.look(7, at(10, {9})));
  EXPECT_FALSE(watch.look(7, at(11)));
  EXPECT_FALSE(watch.wants_fence());
  EXPECT_EQ(watch.settled(), 7);
}

TEST(OverflowWatch, RemovesForThoseThatHaveCommitted) {
  overflow_watch watch;
  EXPECT_TRUE(watch.look(1, at(10)));
  ASSERT_TRUE(watch.wants_fence());
  watch.fence(10, at(10));
  EXPECT_FALSE(watch.look(1, at(11)));
  EXPECT_EQ(watch.settled(), 1);
}

TEST(OverflowWatch, RemovesAgainAsEachEndsThatMayHaveCounted) {
  overflow_watch watch;
  EXPECT_TRUE(watch.look(1, at(10, {5, 7})));
  watch.fence(12, at(10, {5, 7}));  // 10 and 11 run as well: no snapshot has named them yet
  EXPECT_FALSE(watch.look(1, at(10, {5, 7})));
  EXPECT_TRUE(watch.look(1, at(12, {5, 7, 10}))) << "11 is over";
  EXPECT_FALSE(watch.look(1, at(20, {5, 7, 10}))) << "the others came later";
  EXPECT_TRUE(watch.look(1, at(20, {5, 10})));
  EXPECT_EQ(watch.settled(), 0) << "who takes over has to watch as well";
  EXPECT_TRUE(watch.look(1, at(20, {15}))) << "5 and 10 at once";
  EXPECT_FALSE(watch.look(1, at(21)));
  EXPECT_EQ(watch.settled(), 1);
}

TEST(OverflowWatch, WatchesAnewWhenMoreIsCounted) {
  overflow_watch watch;
  EXPECT_TRUE(watch.look(1, at(10, {5})));
  watch.fence(10, at(10, {5}));
  EXPECT_TRUE(watch.look(2, at(12, {5})));
  EXPECT_TRUE(watch.wants_fence());
  watch.fence(14, at(12, {5}));
  EXPECT_TRUE(watch.look(2, at(14, {5})));
  EXPECT_FALSE(watch.look(2, at(15, {5})));
  EXPECT_TRUE(watch.look(2, at(15)));
  EXPECT_EQ(watch.settled(), 2);
}

}  // namespace
