#include <strata/units.hpp>

#include <gtest/gtest.h>

#include <chrono>

namespace strata {
namespace {

using namespace std::chrono_literals;
using namespace literals;

TEST(Units, ReadsDurationsInEveryUnit) {
  EXPECT_EQ(parse_duration("250ms").value(), 250ms);
  EXPECT_EQ(parse_duration("7ns").value(), 7ns);
  EXPECT_EQ(parse_duration("3us").value(), 3us);
  EXPECT_EQ(parse_duration("90s").value(), 90s);
  EXPECT_EQ(parse_duration("30m").value(), 30min);
  EXPECT_EQ(parse_duration("1h").value(), 1h);
  EXPECT_EQ(parse_duration("2d").value(), 48h);
  EXPECT_EQ(parse_duration("0s").value(), 0s);
}

TEST(Units, RefusesWhatIsNotADurationAndSaysWhatIs) {
  for (const char* text : {"", "30", "m", "-1s", "1.5h", " 1s", "1s ", "1 s", "1hour", "1h30m", "0x1s"}) {
    const auto parsed = parse_duration(text);
    ASSERT_FALSE(parsed.has_value()) << text;
    EXPECT_EQ(parsed.error().code, errc::invalid_argument) << text;
    EXPECT_NE(parsed.error().detail.find("\"30m\""), std::string::npos);
  }
}

TEST(Units, RefusesDurationsAndSizesThatDoNotFit) {
  EXPECT_EQ(parse_duration("9223372036854775808ns").error().code, errc::too_large);
  EXPECT_EQ(parse_duration("99999999999999999999999s").error().code, errc::too_large);
  EXPECT_EQ(parse_duration("106752d").error().code, errc::too_large);
  EXPECT_EQ(parse_duration("106751d").value(), 106751 * 24h);
  EXPECT_EQ(parse_size("17179869184GiB").error().code, errc::too_large);
}

TEST(Units, ReadsSizesInPowersOf1024Only) {
  EXPECT_EQ(parse_size("0B").value(), 0_B);
  EXPECT_EQ(parse_size("16KiB").value(), 16_KiB);
  EXPECT_EQ(parse_size("64MiB").value(), 64_MiB);
  EXPECT_EQ(parse_size("2GiB").value(), 2_GiB);
  for (const char* text : {"", "64", "64MB", "64mib", "64 MiB", "-1B", "1e3B"}) {
    EXPECT_EQ(parse_size(text).error().code, errc::invalid_argument) << text;
  }
}

TEST(Units, WritesTheShortestTextThatReadsBackTheSame) {
  EXPECT_EQ(to_text(duration(0)), "0s");
  EXPECT_EQ(to_text(duration(30min)), "30m");
  EXPECT_EQ(to_text(duration(90min)), "90m");
  EXPECT_EQ(to_text(duration(24h)), "24h");
  EXPECT_EQ(to_text(duration(1500ms)), "1500ms");
  EXPECT_EQ(to_text(duration(1ns)), "1ns");
  EXPECT_EQ(to_text(64_MiB), "64MiB");
  EXPECT_EQ(to_text(1536_B), "1536B");
  EXPECT_EQ(to_text(0_B), "0B");
  for (const duration each : {duration(1), duration(999'999'999), duration(61s), duration(25h)}) {
    EXPECT_EQ(parse_duration(to_text(each)).value(), each);
  }
}

}  // namespace
}  // namespace strata
