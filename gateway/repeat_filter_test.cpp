#include "gateway/repeat_filter.hpp"

#include <gtest/gtest.h>

#include <string>

namespace strata::gateway {
namespace {

using namespace std::chrono_literals;

TEST(RepeatFilter, LetsOneOfEqualLinesThroughInItsWindowAndCountsTheOthers) {
  repeat_filter filter;
  const time_point begin{1h};
  EXPECT_EQ(filter.pass("cannot accept", begin), 0u);
  for (int i = 1; i < 200; ++i) EXPECT_EQ(filter.pass("cannot accept", begin + i * 50ms), std::nullopt) << i;
  EXPECT_EQ(filter.pass("another", begin + 1s), 0u);
  EXPECT_EQ(filter.pass("cannot accept", begin + 10s), 199u);
  EXPECT_EQ(filter.pass("cannot accept", begin + 15s), std::nullopt);
  EXPECT_EQ(filter.pass("cannot accept", begin + 20s), 1u);
}

TEST(RepeatFilter, ForgetsTheOldestOfManyLines) {
  repeat_filter filter;
  const time_point begin{1h};
  for (std::size_t i = 0; i <= repeat_filter::remembered; ++i) {
    EXPECT_EQ(filter.pass(std::to_string(i), begin + std::chrono::milliseconds(i)), 0u);
  }
  EXPECT_EQ(filter.pass("1", begin + 1s), std::nullopt);
  EXPECT_EQ(filter.pass("0", begin + 1s), 0u);
}

}  // namespace
}  // namespace strata::gateway
