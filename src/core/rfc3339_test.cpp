#include <strata/rfc3339.hpp>
#include <strata/time.hpp>

#include <gtest/gtest.h>

#include <string>

namespace {

using namespace std::chrono;

TEST(Rfc3339, WritesUtcWithMilliseconds) {
  const auto day = sys_days(year(2026) / 3 / 1);
  EXPECT_EQ(strata::rfc3339(day + 9h + 30min + 250ms), "2026-03-01T09:30:00.250Z");
  EXPECT_EQ(strata::rfc3339(day), "2026-03-01T00:00:00.000Z");
  EXPECT_EQ(strata::rfc3339(sys_days(year(2024) / 2 / 29) + 23h + 59min + 59s + 999ms),
            "2024-02-29T23:59:59.999Z");
}

TEST(Rfc3339, HoldsBefore1970) {
  EXPECT_EQ(strata::rfc3339(strata::wall_time(-1ms)), "1969-12-31T23:59:59.999Z");
  EXPECT_EQ(strata::rfc3339(sys_days(year(1) / 1 / 1)), "0001-01-01T00:00:00.000Z");
}

TEST(Rfc3339, ReadsEveryForm) {
  const auto text = [](std::string_view from) {
    const auto time = strata::parse_rfc3339(from);
    return time ? strata::rfc3339(*time) : "none";
  };
  EXPECT_EQ(text("2025-05-16T18:56:49Z"), "2025-05-16T18:56:49.000Z");
  EXPECT_EQ(text("2025-05-16t20:56:49.5+02:00"), "2025-05-16T18:56:49.500Z");
  EXPECT_EQ(text("2025-05-16T18:56:49.123456789-00:30"), "2025-05-16T19:26:49.123Z");
  EXPECT_EQ(text("2024-02-29T00:00:00Z"), "2024-02-29T00:00:00.000Z");
  for (const auto* bad :
       {"", "2025-05-16", "2025-02-29T00:00:00Z", "2025-05-16T24:00:00Z", "2025-05-16T18:56:49",
        "2025-05-16T18:56:49.Z", "2025-05-16T18:56:49Zx", "2025-05-16T18:56:49+25:00", "yesterday"}) {
    EXPECT_EQ(text(bad), "none") << bad;
  }
}

}  // namespace
