#include "relay/applied_marks.hpp"

#include <gtest/gtest.h>

namespace strata::relay_detail {
namespace {

using namespace std::chrono_literals;

constexpr time_point began{1h};

TEST(AppliedMarks, KnowThePositionOfEachWatermark) {
  applied_marks marks;
  marks.add(began, 100, "1:1:");
  marks.add(began + 200ms, 120, "5:5:");
  EXPECT_EQ(marks.applied_before(100), "1:1:");
  EXPECT_EQ(marks.applied_before(120), "5:5:");
}

TEST(AppliedMarks, KnowNothingOfAWatermarkOfAnotherRelay) {
  applied_marks marks;
  marks.add(began, 100, "1:1:");
  EXPECT_EQ(marks.applied_before(110), std::nullopt) << "larger proves nothing";
  EXPECT_EQ(marks.applied_before(90), std::nullopt);
  EXPECT_EQ(marks.applied_before(0), std::nullopt) << "an empty store";
}

TEST(AppliedMarks, AnswerWithAnEarlierPositionForWatermarksInQuickSuccession) {
  applied_marks marks;
  marks.add(began, 100, "1:1:");
  marks.add(began + 50ms, 101, "2:2:");
  marks.add(began + 110ms, 102, "3:3:");
  EXPECT_EQ(marks.applied_before(101), "1:1:");
  EXPECT_EQ(marks.applied_before(102), "3:3:");
}

TEST(AppliedMarks, ForgetTheOldest) {
  applied_marks marks;
  for (std::uint64_t i = 1; i <= applied_marks::most + 10; ++i) {
    marks.add(began + i * 10ms, i, std::to_string(i));
  }
  EXPECT_EQ(marks.applied_before(10), std::nullopt);
  EXPECT_NE(marks.applied_before(11), std::nullopt);
}

}  // namespace
}  // namespace strata::relay_detail
