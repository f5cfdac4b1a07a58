#include "cli/progress.hpp"

#include <gtest/gtest.h>

namespace strata::cli {
namespace {

TEST(Progress, ShowsHowMuchIsDone) {
  EXPECT_EQ(progress_line("importing", 0, 100, 0),
            "importing [                              ]   0 %  0 records");
  EXPECT_EQ(progress_line("importing", 50, 100, 7),
            "importing [===============               ]  50 %  7 records");
  EXPECT_EQ(progress_line("importing", 100, 100, 9),
            "importing [==============================] 100 %  9 records");
}

TEST(Progress, StaysAtTheEndIfTheFileGrew) {
  EXPECT_EQ(progress_line("importing", 300, 100, 9), progress_line("importing", 100, 100, 9));
}

TEST(Progress, CountsOnlyIfTheWholeIsNotKnown) {
  EXPECT_EQ(progress_line("importing", 50, 0, 7), "importing  7 records");
}

}  // namespace
}  // namespace strata::cli
