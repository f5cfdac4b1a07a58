#include "cli/stats_view.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

namespace strata::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

admin::admin_stats sample(std::uint64_t hits) {
  admin::admin_stats stats{.entries = 3, .bytes = 1u << 20, .budget = 64u << 20};
  stats.types = {
      {.type = "agent", .l1_hits = hits, .misses = {{"absent", 10}}, .fills = 10, .factory_calls = 10},
      {.type = "org"}};
  return stats;
}

TEST(StatsView, ShowsTheShareOfHitsAndWhyTheRestMissed) {
  const auto view = stats_view(sample(30), nullptr, duration::zero());
  EXPECT_THAT(view, HasSubstr("75.0 %"));
  EXPECT_THAT(view, HasSubstr("absent 10"));
  EXPECT_THAT(view, HasSubstr("3 values, 1.0 MiB of 64.0 MiB"));
  EXPECT_THAT(view, Not(HasSubstr("reads/s")));
}

TEST(StatsView, OmitsTypesWithoutReads) {
  EXPECT_THAT(stats_view(sample(1), nullptr, duration::zero()), Not(HasSubstr("org")));
}

TEST(StatsView, ShowsWhatHappensEachSecond) {
  const auto before = sample(30);
  EXPECT_THAT(stats_view(sample(130), &before, std::chrono::seconds(2)), HasSubstr("        50  absent"));
}

TEST(StatsView, ShowsNoNegativeRateAfterARestart) {
  const auto before = sample(1000);
  EXPECT_THAT(stats_view(sample(1), &before, std::chrono::seconds(1)), HasSubstr("         0  absent"));
}

}  // namespace
}  // namespace strata::cli
