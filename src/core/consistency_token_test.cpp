#include <strata/consistency_token.hpp>

#include <gtest/gtest.h>

namespace strata {
namespace {

TEST(WriteMark, ComesBackFromItsText) {
  for (const bool shared : {true, false}) {
    const consistency_token mark{.process = 0x0123456789abcdef, .shared = shared, .at = last_commit_time};
    EXPECT_LE(to_text(mark).size(), 40u);
    EXPECT_EQ(consistency_token_of(to_text(mark)), mark) << to_text(mark);
  }
  EXPECT_EQ(to_text({.process = 1, .shared = true, .at = 7}), "0000000000000001-s-7");
}

TEST(WriteMark, IsReadFromNothingElse) {
  for (const char* text :
       {"", "1-s-7", "0000000000000001-x-7", "0000000000000001-s-", "0000000000000001-s--7",
        "000000000000000g-s-7", "0000000000000001-s-7 ", "-000000000000001-s-7",
        "0000000000000001-s-9007199254740992", "0000000000000001-s-99999999999999999999999"}) {
    EXPECT_FALSE(consistency_token_of(text)) << text;
  }
}

TEST(WriteMark, OfOneCacheJoinsToTheLater) {
  const consistency_token early{.process = 3, .shared = true, .at = 7};
  const consistency_token late{.process = 3, .shared = true, .at = 9};
  EXPECT_EQ(joined(early, late), late);
  EXPECT_EQ(joined(late, early), late);
}

TEST(WriteMark, OfTwoCachesThatShareAStoreJoinsToTheLaterTimeOfNeither) {
  const consistency_token one{.process = 3, .shared = true, .at = 7};
  const consistency_token two{.process = 4, .shared = true, .at = 9};
  EXPECT_EQ(joined(one, two), (consistency_token{.process = 0, .shared = true, .at = 9}));
  EXPECT_EQ(joined(joined(one, two), {.process = 5, .shared = true, .at = 8}).at, 9u);
}

TEST(WriteMark, OfTwoCachesWithoutAStoreJoinsToOneThatNobodyHasSeen) {
  const consistency_token one{.process = 3, .shared = false, .at = 7};
  const consistency_token two{.process = 4, .shared = false, .at = 9};
  const auto both = joined(one, two);
  EXPECT_EQ(both.process, 0u);
  EXPECT_FALSE(both.shared);
  EXPECT_NE(both.at, joined(one, {.process = 4, .shared = false, .at = 10}).at);
  EXPECT_NE(both.at, joined(both, two).at) << "or the second write is taken as seen with the first";
  EXPECT_EQ(consistency_token_of(to_text(both)), both);
}

}  // namespace
}  // namespace strata
