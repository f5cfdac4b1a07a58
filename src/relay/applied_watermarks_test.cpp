#include "relay/applied_watermarks.hpp"

#include <gtest/gtest.h>

namespace strata::relay_detail {
namespace {

using namespace std::chrono_literals;

constexpr time_point began{1h};

TEST(AppliedWatermarks, KnowThePositionOfEachWatermark) {
  applied_watermarks written;
  written.add(began, 100, "1:1:");
  written.add(began + 200ms, 120, "5:5:");
  EXPECT_EQ(written.applied_before(100), "1:1:");
  EXPECT_EQ(written.applied_before(120), "5:5:");
}

TEST(AppliedWatermarks, KnowNothingOfAWatermarkOfAnotherRelay) {
  applied_watermarks written;
  written.add(began, 100, "1:1:");
  EXPECT_EQ(written.applied_before(110), std::nullopt) << "larger proves nothing";
  EXPECT_EQ(written.applied_before(90), std::nullopt);
  EXPECT_EQ(written.applied_before(0), std::nullopt) << "an empty store";
}

TEST(AppliedWatermarks, AnswerWithAnEarlierPositionForWatermarksInQuickSuccession) {
  applied_watermarks written;
  written.add(began, 100, "1:1:");
  written.add(began + 50ms, 101, "2:2:");
  written.add(began + 110ms, 102, "3:3:");
  EXPECT_EQ(written.applied_before(101), "1:1:");
  EXPECT_EQ(written.applied_before(102), "3:3:");
}

TEST(AppliedWatermarks, ForgetTheOldest) {
  applied_watermarks written;
  for (std::uint64_t i = 1; i <= applied_watermarks::most + 10; ++i) {
    written.add(began + i * 10ms, i, std::to_string(i));
  }
  EXPECT_EQ(written.applied_before(10), std::nullopt);
  EXPECT_NE(written.applied_before(11), std::nullopt);
}

}  // namespace
}  // namespace strata::relay_detail
