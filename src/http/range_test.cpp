#include "http/range.hpp"

#include <gtest/gtest.h>

#include <initializer_list>

namespace strata::http {
namespace {

using outcome = range_answer::outcome;
using parts = std::vector<byte_range>;

TEST(Range, NamesPartsFromEitherEnd) {
  const auto of = [](std::string_view field) { return evaluate_range(field, 100).parts; };
  EXPECT_EQ(of("bytes=0-9"), (parts{{0, 9}}));
  EXPECT_EQ(of("bytes=90-"), (parts{{90, 99}}));
  EXPECT_EQ(of("bytes=-10"), (parts{{90, 99}}));
  EXPECT_EQ(of("bytes=-1000"), (parts{{0, 99}}));
  EXPECT_EQ(of("bytes=99-1000"), (parts{{99, 99}}));
  EXPECT_EQ(of("BYTES=0-0 , ,-1"), (parts{{0, 0}, {99, 99}}));
  EXPECT_EQ(of("bytes=0-99999999999999999999"), (parts{{0, 99}}));
}

TEST(Range, JoinsPartsThatOverlapOrTouchAndKeepsTheOrderOfTheRest) {
  const auto of = [](std::string_view field) { return evaluate_range(field, 100).parts; };
  EXPECT_EQ(of("bytes=50-59,0-9"), (parts{{50, 59}, {0, 9}}));
  EXPECT_EQ(of("bytes=0-9,10-19"), (parts{{0, 19}}));
  EXPECT_EQ(of("bytes=0-9,5-30,80-89"), (parts{{0, 30}, {80, 89}}));
  EXPECT_EQ(of("bytes=0-9,20-29,40-49,5-44"), (parts{{0, 49}}));
  EXPECT_EQ(of("bytes=80-,0-9,90-,70-79"), (parts{{70, 99}, {0, 9}}));
}

TEST(Range, ThatBeginsBeyondTheEndIsLeftOut) {
  EXPECT_EQ(evaluate_range("bytes=100-", 100).result, outcome::unsatisfiable);
  EXPECT_EQ(evaluate_range("bytes=-0", 100).result, outcome::unsatisfiable);
  EXPECT_EQ(evaluate_range("bytes=0-", 0).result, outcome::unsatisfiable);
  EXPECT_EQ(evaluate_range("bytes=-5", 0).result, outcome::unsatisfiable);
  EXPECT_EQ(evaluate_range("bytes=500-600,0-0", 100).parts, (parts{{0, 0}}));
}

TEST(Range, ThatIsMalformedOrOfAnotherUnitAsksForTheWhole) {
  for (const auto* bad :
       {"", "bytes", "bytes=", "bytes=,", "items=0-1", "bytes=a-b", "bytes=9-0", "bytes=-", "bytes=0-1-2",
        "bytes=+1-2", "bytes=0 -1", "bytes =0-1", "bytes=0-1;2-3", "bytes=--1", "bytes=0x1-2"}) {
    EXPECT_EQ(evaluate_range(bad, 100).result, outcome::whole) << bad;
  }
  std::string many = "bytes=0-0";
  for (int i = 1; i < 16; ++i) many += ',' + std::to_string(2 * i) + '-' + std::to_string(2 * i);
  EXPECT_EQ(evaluate_range(many, 100).parts.size(), 16u);
  EXPECT_EQ(evaluate_range(many + ",50-50", 100).result, outcome::whole);
}

TEST(IfRange, HoldsForTheVeryRepresentation) {
  const std::chrono::sys_seconds modified(std::chrono::seconds(784111777));
  const auto now = modified + std::chrono::hours(1);
  const validators current{.etag = "\"v7-gz\"", .last_modified = modified, .exists = true};
  EXPECT_TRUE(if_range_holds("\"v7-gz\"", current, now));
  EXPECT_TRUE(if_range_holds("Sun, 06 Nov 1994 08:49:37 GMT", current, now));
  for (const auto* other : {"\"v7\"", "\"v7-zs\"", "W/\"v7-gz\"", "Sun, 06 Nov 1994 08:49:38 GMT",
                            "Sun, 06 Nov 1994 08:49:36 GMT", "*", "", "v7-gz"}) {
    EXPECT_FALSE(if_range_holds(other, current, now)) << other;
  }
  const validators weak{.etag = "W/\"v7\"", .last_modified = {}, .exists = true};
  EXPECT_FALSE(if_range_holds("W/\"v7\"", weak, now));
  EXPECT_FALSE(if_range_holds("Sun, 06 Nov 1994 08:49:37 GMT", weak, now));
}

}  // namespace
}  // namespace strata::http
