#include <strata/time.hpp>

#include <gtest/gtest.h>

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

}  // namespace
