#include "database/snapshot.hpp"

#include <gtest/gtest.h>

namespace strata::detail {
namespace {

TEST(Snapshot, IsReadAsPostgresWritesIt) {
  const auto quiet = parse_snapshot("795:795:");
  ASSERT_TRUE(quiet);
  EXPECT_EQ(*quiet, (commit_snapshot{.xmin = 795, .xmax = 795, .running = {}}));
  const auto busy = parse_snapshot("10:20:10,14,15");
  ASSERT_TRUE(busy);
  EXPECT_EQ(*busy, (commit_snapshot{.xmin = 10, .xmax = 20, .running = {10, 14, 15}}));
  EXPECT_TRUE(parse_snapshot("4294967299:18446744073709551615:4294967300")) << "they have 64 bits";
}

TEST(Snapshot, RefusesWhatIsNoSnapshot) {
  for (const char* text : {"",       ":",     "::",      "1:2",     "1:2:3:4",
                           "a:2:",   "1:b:",  "1:2:c",   "5:4:",    "0:4:",
                           "1:4:4",  "3:9:2", "1:9:5,5", "1:9:6,5", "1:9:5,",
                           "1:9:,5", "-1:9:", "1:9:5 ",  "1 :9:",   "1:99999999999999999999:"}) {
    const auto read = parse_snapshot(text);
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error().code, errc::corrupt_entry);
  }
}

}  // namespace
}  // namespace strata::detail
