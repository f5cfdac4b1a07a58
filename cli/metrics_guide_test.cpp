/// docs/guide/metrics.md names every series that the program exposes, and no other.

#include <strata/metrics.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <fstream>
#include <set>
#include <sstream>
#include <string>

namespace strata::cli {
namespace {

std::set<std::string> exposed_families() {
  const std::array listeners{http_stats{.listener = "platform"}};
  cache_stats stats;
  stats.second_level.state = second_level_state::up;
  const store_health shared{.event_lag = duration::zero()};
  const relay_stats relaying{.active = true};
  const event_feed_stats feeding;
  const edge_stats purging{.edges = {{.name = "cloudflare"}}};
  const session_stats sessions;
  const std::pair<std::string_view, rate_limiter_stats> limits[] = {{"address", {}}};
  std::istringstream lines(exposition(stats, listeners, {},
                                      {.shared = &shared,
                                       .relaying = &relaying,
                                       .feeding = &feeding,
                                       .sessions = &sessions,
                                       .limits = limits,
                                       .purging = &purging}));
  std::set<std::string> names;
  for (std::string hash, what, name, rest; lines >> hash >> what >> name && std::getline(lines, rest);) {
    if (hash == "#") names.insert(name);
  }
  return names;
}

std::set<std::string> families_documented() {
  std::ifstream in(STRATA_SOURCE "/docs/guide/metrics.md");
  if (!in) throw std::runtime_error("docs/guide/metrics.md is missing");
  std::set<std::string> names;
  bool listed = false;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("| series |")) listed = true;
    if (!line.starts_with('|')) listed = false;
    if (!listed) continue;
    const auto cell = line.substr(1, line.find('|', 1) - 1);
    for (std::size_t at = cell.find('`'); at != std::string::npos;) {
      const auto end = cell.find('`', at + 1);
      names.insert(cell.substr(at + 1, end - at - 1));
      at = cell.find('`', end + 1);
    }
  }
  return names;
}

TEST(MetricsGuide, NamesEverySeriesAndNoOther) {
  const auto exposed = exposed_families();
  EXPECT_GT(exposed.size(), 20u);
  EXPECT_EQ(families_documented(), exposed);
}

}  // namespace
}  // namespace strata::cli
