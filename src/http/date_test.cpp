#include "http/date.hpp"

#include <gtest/gtest.h>

namespace strata::http {
namespace {

using namespace std::chrono;
using namespace std::chrono_literals;

constexpr sys_seconds when = sys_days(1994y / November / 6) + 8h + 49min + 37s;
constexpr sys_seconds now = sys_days(2026y / May / 1);

TEST(HttpDate, IsWrittenAsImfFixdate) {
  EXPECT_EQ(format_date(when), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(format_date(sys_seconds{}), "Thu, 01 Jan 1970 00:00:00 GMT");
  EXPECT_EQ(format_date(sys_days(2024y / February / 29)), "Thu, 29 Feb 2024 00:00:00 GMT");
}

TEST(HttpDate, AllThreeFormsAreRead) {
  EXPECT_EQ(parse_date("Sun, 06 Nov 1994 08:49:37 GMT", now), when);
  EXPECT_EQ(parse_date("Sunday, 06-Nov-94 08:49:37 GMT", now), when);
  EXPECT_EQ(parse_date("Sun Nov  6 08:49:37 1994", now), when);
  EXPECT_EQ(parse_date("Wed Nov 16 08:49:37 1994", now), when + days(10));
}

TEST(HttpDate, ATwoDigitYearIsAtMostFiftyYearsAhead) {
  EXPECT_EQ(parse_date("Friday, 01-May-76 00:00:00 GMT", now), sys_days(2076y / May / 1));
  EXPECT_EQ(parse_date("Sunday, 02-May-76 00:00:00 GMT", now), sys_days(1976y / May / 2));
  EXPECT_EQ(parse_date("Saturday, 01-May-77 00:00:00 GMT", now), sys_days(1977y / May / 1));
}

TEST(HttpDate, WhatIsWrittenIsReadBack) {
  for (sys_seconds each = sys_seconds{}; each < sys_days(2100y / January / 1);
       each += hours(24 * 37) + 1234567s) {
    ASSERT_EQ(parse_date(format_date(each), now), each);
  }
}

TEST(HttpDate, ALeapSecondIsTheSecondBefore) {
  EXPECT_EQ(parse_date("Sat, 31 Dec 2016 23:59:60 GMT", now), sys_days(2017y / January / 1) - 1s);
}

TEST(HttpDate, AnythingElseIsNoDate) {
  for (const auto bad :
       {"", "now", "0", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 6 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 GMT ", "Sun, 31 Feb 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:00:00 GMT", "Sun, 06 Nov 1994 08:60:00 GMT", "Sun, 06 nov 1994 08:49:37 GMT",
        "Xxx, 06 Nov 1994 08:49:37 GMT", "1994-11-06T08:49:37Z", "Sun Nov 06 08:49:37 94",
        "Sunday, 06-Nov-1994 08:49:37 GMT", "Sun,"}) {
    EXPECT_FALSE(parse_date(bad, now)) << bad;
  }
}

}  // namespace
}  // namespace strata::http
