/// Tests of the checker: what it must report, and what it must not.

#include "tests/consistency/checker.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace strata::consistency {
namespace {

/// Records of row 0, in a run with two processes; times are in milliseconds.
class Judge : public ::testing::Test {
 protected:
  record& add(unsigned process, what kind, nanoseconds begun, nanoseconds ended) {
    auto& made = logs_[process].emplace_back();
    made.begun = begun * millisecond;
    made.ended = ended * millisecond;
    made.is = kind;
    return made;
  }
  /// A write whose COMMIT is acknowledged at its end; its version carries its token as the stamp.
  record& wrote(std::int64_t token, nanoseconds begun, nanoseconds ended, bool there = true) {
    auto& made = add(0, what::through, begun, ended);
    made.token = token;
    made.acknowledged = made.ended;
    history_.push_back({token, 0, token, there});
    return made;
  }
  record& read(unsigned process, std::int64_t stamp, nanoseconds begun, nanoseconds ended) {
    auto& made = add(process, what::row, begun, ended);
    made.stamp = stamp;
    made.layer = 1;
    return made;
  }
  verdict judged() {
    std::vector<process_log> given;
    for (const auto& each : logs_) given.push_back({"p", std::span(each.data(), each.size())});
    return judge(history_, given, 1, 350 * millisecond, 0);
  }
  std::string promises() {
    std::string out;
    for (const auto& [promise, times] : judged().broken_promises) {
      out += (out.empty() ? "" : ", ") + promise + ' ' + std::to_string(times);
    }
    return out;
  }

 private:
  /// Records cannot be copied, so the capacity is reserved at the start.
  struct room {
    room() : records(100) {}
    record& emplace_back() { return records[used++]; }
    const record* data() const { return records.data(); }
    std::size_t size() const { return used; }
    std::vector<record> records;
    std::size_t used = 0;
  };
  room logs_[2];
  std::vector<history_row> history_;
};

TEST_F(Judge, FindsNothingWrongWithWhatIsFreshEnough) {
  wrote(1, 0, 1);
  wrote(2, 1000, 1001);
  read(0, 1, 1340, 1341);
  read(1, 2, 1000, 1001);
  EXPECT_EQ(promises(), "");
  ASSERT_EQ(judged().staleness.size(), 1u);
  EXPECT_EQ(judged().staleness[0], 339 * millisecond);
}

TEST_F(Judge, ReportsWhatIsOlderThanTheBound) {
  wrote(1, 0, 1);
  wrote(2, 1000, 1001);
  read(0, 1, 1352, 1353);
  EXPECT_EQ(promises(), "older than the bound 1");
  EXPECT_NE(judged().examples.at(0).story.find(">> version 1"), std::string::npos)
      << judged().examples[0].story;
}

TEST_F(Judge, LetsOldValuesPassThatAreMarkedStale) {
  wrote(1, 0, 1);
  wrote(2, 1000, 1001);
  read(0, 1, 2000, 2001).stale = true;
  EXPECT_EQ(promises(), "");
  EXPECT_EQ(judged().stale_marked_most, 999 * millisecond);
}

TEST_F(Judge, CountsAnUnheardCommitFromWhenSomebodyReadIt) {
  wrote(1, 0, 1);
  wrote(2, 1000, 1001).acknowledged = 0;
  read(0, 1, 1990, 1991);
  read(1, 2, 1600, 1601);
  EXPECT_EQ(promises(), "older than the bound 1");
  EXPECT_EQ(judged().staleness.at(0), 389 * millisecond);
  EXPECT_EQ(judged().writes.at("repository").unknown, 1u);
}

TEST_F(Judge, CountsAnUnheardCommitFromTheNextOneAtTheLatest) {
  wrote(1, 0, 1);
  wrote(2, 1000, 1001).acknowledged = 0;
  wrote(3, 1200, 1201);
  read(0, 1, 1540, 1541);
  EXPECT_EQ(promises(), "");
  read(0, 1, 1560, 1561);
  EXPECT_EQ(promises(), "older than the bound 1");
}

TEST_F(Judge, ReportsAProcessThatGoesBackInTime) {
  wrote(1, 0, 1);
  wrote(2, 1000, 1001);
  read(0, 2, 1010, 1011);
  read(0, 1, 1011, 1012);
  EXPECT_EQ(promises(), "") << "they overlap";
  read(1, 1, 1020, 1021);
  EXPECT_EQ(promises(), "") << "another process";
  read(0, 1, 1030, 1031);
  EXPECT_EQ(promises(), "back in time 1");
}

TEST_F(Judge, TakesAListAndARowForTwoKeys) {
  wrote(1, 0, 1);
  wrote(2, 1000, 1001);
  read(0, 2, 1010, 1011).is = what::list;
  read(0, 1, 1030, 1031);
  EXPECT_EQ(promises(), "");
  read(0, 1, 1030, 1031).is = what::list;
  EXPECT_EQ(promises(), "back in time 1");
}

TEST_F(Judge, ReportsAWriteThatItsSessionDoesNotSee) {
  wrote(1, 0, 1);
  wrote(2, 1000, 1001).session = 4;
  read(1, 1, 1000, 1002).session = 4;
  read(1, 1, 1002, 1003).session = 5;
  EXPECT_EQ(promises(), "");
  read(1, 1, 1002, 1003).session = 4;
  EXPECT_EQ(promises(), "its own write of another process not seen 1");
  read(0, 1, 1002, 1003).session = 4;
  EXPECT_EQ(promises(), "its own write not seen 1, its own write of another process not seen 1");
}

TEST_F(Judge, OwesNothingForAWriteThatFailed) {
  wrote(1, 0, 1);
  auto& second = wrote(2, 1000, 1001);
  second.session = 4;
  second.failed = true;
  read(0, 1, 1002, 1003).session = 4;
  EXPECT_EQ(promises(), "");
}

TEST_F(Judge, TakesNothingForTheBestOfAllTimesAtWhichThereWasNothing) {
  wrote(1, 0, 1);
  wrote(2, 1000, 1001, false);
  wrote(3, 2000, 2001);
  wrote(4, 3000, 3001, false);
  wrote(5, 4000, 4001);
  read(0, 0, 2300, 2301);
  read(1, 0, 3500, 3501);
  EXPECT_EQ(promises(), "");
  read(0, 0, 2400, 2401);
  EXPECT_EQ(promises(), "older than the bound 1");
  read(0, 3, 2410, 2411);
  read(0, 0, 2420, 2421);
  EXPECT_EQ(promises(), "back in time 1, older than the bound 2");
}

TEST_F(Judge, ReportsWhatWasNeverCommitted) {
  wrote(1, 0, 1);
  read(0, 7, 10, 11);
  EXPECT_EQ(promises(), "a value that was never committed 1");
}

TEST_F(Judge, ReportsWhatIsWrongOnceAllIsQuiet) {
  wrote(1, 0, 1);
  wrote(2, 1000, 1001);
  read(0, 2, 9000, 9001).is = what::rest;
  read(1, 1, 9000, 9001).is = what::rest;
  read(1, 0, 9000, 9001).is = what::fill;
  EXPECT_EQ(promises(), "a wrong read once all is quiet 1, a wrong value cached once all is quiet 1");
  EXPECT_EQ(judged().at_rest, 3u);
}

TEST_F(Judge, TellsNinesAndQuantilesOfAllFreshReads) {
  wrote(1, 0, 1);
  wrote(2, 1000, 1001);
  for (int i = 0; i < 9; ++i) read(0, 1, 500, 501);
  read(1, 1, 1201, 1202);
  EXPECT_DOUBLE_EQ(judged().share_within(100 * millisecond), 90);
  EXPECT_DOUBLE_EQ(judged().share_within(second), 100);
  EXPECT_EQ(judged().quantile(0.5), 0);
  EXPECT_EQ(judged().quantile(0.99), 200 * millisecond);
}

TEST_F(Judge, AReadThatFailsThoughTheSourceAnswers) {
  wrote(1, 10, 20);
  read(0, 0, 30, 40).failed = true;
  EXPECT_EQ(promises(), "") << "the source did not answer either";
  auto& second = read(1, 0, 50, 60);
  second.failed = second.unanswered = true;
  EXPECT_EQ(promises(), "no read fails that the source could have answered 1");
}

}  // namespace
}  // namespace strata::consistency
