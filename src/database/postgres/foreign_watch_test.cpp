#include "database/postgres/foreign_watch.hpp"

#include <gtest/gtest.h>

namespace strata::detail {
namespace {

commit_snapshot snapshot(const char* text) {
  return *parse_snapshot(text);
}

class ForeignWatch : public testing::Test {
 protected:
  ForeignWatch() { first_ = watch_.observe(snapshot("100:100:"), 1); }
  std::uint64_t look(const char* text, std::uint64_t connection = 1) {
    return watch_.observe(snapshot(text), connection);
  }
  foreign_watch watch_;
  std::uint64_t first_ = 0;
};

TEST_F(ForeignWatch, AQuietServerChangesNothing) {
  EXPECT_EQ(look("100:100:"), first_);
  EXPECT_EQ(look("100:100:"), first_);
}

TEST_F(ForeignWatch, OurOwnTransactionsAreNotForeign) {
  watch_.own(100);
  EXPECT_EQ(look("101:101:"), first_);
  watch_.begun();
  watch_.ended(101);
  watch_.own(103);
  EXPECT_EQ(look("102:104:102"), first_) << "102 is still running";
}

TEST_F(ForeignWatch, AnothersTransactionChangesItOnce) {
  const auto after = look("101:101:");
  EXPECT_NE(after, first_);
  EXPECT_EQ(look("101:101:"), after);
  EXPECT_NE(look("102:102:"), after);
}

TEST_F(ForeignWatch, AnothersIsFoundAmongOurs) {
  watch_.own(100);
  watch_.own(102);
  EXPECT_NE(look("103:103:"), first_) << "101 is not ours";
}

TEST_F(ForeignWatch, OneOfOursThatEndsLaterStillCounts) {
  watch_.own(100);
  watch_.own(101);
  EXPECT_EQ(look("100:102:100"), first_);
  EXPECT_EQ(look("102:102:"), first_);
  EXPECT_NE(look("103:103:"), first_);
}

TEST_F(ForeignWatch, ADifferenceWaitsForTheNumberOfOneOnItsWay) {
  watch_.begun();
  EXPECT_EQ(look("101:101:"), first_) << "it may be ours";
  watch_.ended(100);
  EXPECT_EQ(look("101:101:"), first_) << "it was";
}

TEST_F(ForeignWatch, ADifferenceWaitsForOneLookAtMost) {
  watch_.begun();
  EXPECT_EQ(look("101:101:"), first_);
  const auto after = look("101:101:");
  EXPECT_NE(after, first_);
  watch_.ended(std::nullopt);
  EXPECT_EQ(look("101:101:"), after);
}

TEST_F(ForeignWatch, AnotherConnectionOrAClockThatWentBackIsAChange) {
  const auto reconnected = look("100:100:", 2);
  EXPECT_NE(reconnected, first_) << "the server may have been restarted in between";
  EXPECT_EQ(look("100:100:", 2), reconnected);
  EXPECT_NE(look("90:90:", 2), reconnected);
}

TEST_F(ForeignWatch, RemembersABoundedNumberAndErrsOnTheSafeSide) {
  for (std::uint64_t xid = 0; xid <= foreign_watch::kept; ++xid) watch_.own(100 + xid);
  const auto end = std::to_string(101 + foreign_watch::kept);
  EXPECT_NE(look((end + ':' + end + ':').c_str()), first_);
}

}  // namespace
}  // namespace strata::detail
