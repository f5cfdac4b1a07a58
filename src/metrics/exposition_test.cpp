#include <strata/metrics.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <charconv>
#include <map>
#include <set>
#include <sstream>
#include <stdexcept>
#include <thread>

namespace strata {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

/// One scrape, read as Prometheus reads it. Throws std::runtime_error where it would refuse it.
struct scrape {
  std::map<std::string, std::string> types;
  std::set<std::string> helped;
  std::map<std::string, double> values;  // "name{labels}" → value

  explicit scrape(const std::string& text) {
    if (!text.ends_with('\n')) throw std::runtime_error("the text does not end with a line feed");
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) read(line);
  }

  double at(const std::string& series) const {
    const auto found = values.find(series);
    if (found == values.end()) throw std::runtime_error("no series " + series);
    return found->second;
  }

 private:
  void read(const std::string& line) {
    std::istringstream words(line);
    std::string hash, what, name, rest;
    if (line.starts_with("# ")) {
      words >> hash >> what >> name;
      std::getline(words, rest);
      if (what == "HELP" && !helped.insert(name).second) throw std::runtime_error("HELP twice: " + name);
      if (what == "TYPE" && !types.emplace(name, rest.substr(1)).second)
        throw std::runtime_error("TYPE twice: " + name);
      return;
    }
    const auto space = line.rfind(' ');
    const std::string series = line.substr(0, space);
    double value{};
    const auto number = line.substr(space + 1);
    const auto [end, status] = std::from_chars(number.data(), number.data() + number.size(), value);
    if (status != std::errc() || end != number.data() + number.size())
      throw std::runtime_error("no number: " + line);
    if (!values.emplace(series, value).second) throw std::runtime_error("a series twice: " + series);
    check_family(series.substr(0, series.find('{')));
  }

  void check_family(const std::string& name) const {
    for (const std::string suffix : {"", "_bucket", "_sum", "_count"}) {
      if (!name.ends_with(suffix)) continue;
      const auto family = name.substr(0, name.size() - suffix.size());
      const auto type = types.find(family);
      if (type == types.end()) continue;
      if (!suffix.empty() && type->second != "histogram") continue;
      if (!helped.contains(family)) throw std::runtime_error("no HELP before " + name);
      return;
    }
    throw std::runtime_error("no TYPE before " + name);
  }
};

cache_stats sample() {
  cache_stats stats;
  type_stats agent;
  agent.type = "agent";
  agent.l1_hits = 5;
  agent.l2_hits = 2;
  agent.negative_hits = 1;
  agent.stale_hits = 12;
  agent.refreshes = 13;
  agent.misses[static_cast<std::size_t>(miss_reason::absent)] = 3;
  agent.misses[static_cast<std::size_t>(miss_reason::tag)] = 4;
  agent.fills = 6;
  agent.fills_fenced = 7;
  agent.factory_calls = 8;
  stats.types = {type_stats{.type = "other"}, agent};
  stats.latencies = {{.operation = "fill", .bounds = {1ms, 10ms}, .counts = {1, 2, 3}, .sum = 500ms}};
  stats.used = {1000};
  stats.budget = {64u << 20};
  stats.entries = 9;
  stats.evictions = 11;
  stats.hook_failures = 14;
  return stats;
}

std::vector<http_stats> listeners() {
  http_stats platform{.listener = "platform"};
  platform.routes = {{"/agents/{id}", {0, 0, 10, 2, 1, 0}}};
  platform.latency = {.bounds = {1ms}, .counts = {12, 1}, .sum = 250ms};
  platform.in_flight = 3;
  return {platform, {.listener = "admin"}};
}

TEST(Exposition, HasTheNamesAndLabelsOfTheConvention) {
  const scrape read(
      exposition(sample(), listeners(), {"0.1.0", wall_time(std::chrono::seconds(1'500'000'000))}));
  EXPECT_EQ(read.at(R"(cache_hits_total{cache_type="agent",level="l1"})"), 5);
  EXPECT_EQ(read.at(R"(cache_hits_total{cache_type="agent",level="l2"})"), 2);
  EXPECT_EQ(read.at(R"(cache_misses_total{cache_type="agent",reason="absent"})"), 3);
  EXPECT_EQ(read.at(R"(cache_misses_total{cache_type="agent",reason="tag"})"), 4);
  EXPECT_EQ(read.at(R"(cache_fills_total{cache_type="agent",result="fenced"})"), 7);
  EXPECT_EQ(read.at(R"(cache_factory_calls_total{cache_type="agent"})"), 8);
  EXPECT_EQ(read.at(R"(cache_stale_hits_total{cache_type="agent"})"), 12);
  EXPECT_EQ(read.at(R"(cache_refreshes_total{cache_type="agent"})"), 13);
  EXPECT_EQ(read.at("cache_size_bytes"), 1000);
  EXPECT_EQ(read.at("cache_entries"), 9);
  EXPECT_EQ(read.at("cache_evictions_total"), 11);
  EXPECT_EQ(read.at("cache_hook_failures_total"), 14);
  EXPECT_EQ(read.at("process_start_time_seconds"), 1.5e9);
  EXPECT_EQ(read.at(R"(strata_build_info{version="0.1.0"})"), 1);
  EXPECT_EQ(read.at(R"(http_requests_total{listener="platform",route="/agents/{id}",status="2xx"})"), 10);
  EXPECT_EQ(read.at(R"(http_requests_in_flight{listener="platform"})"), 3);
}

TEST(Exposition, GivesEveryFamilyTheTypeItsNamePromises) {
  const scrape read(exposition(sample(), listeners(), {}));
  for (const auto& [name, type] : read.types) {
    EXPECT_EQ(type == "counter", name.ends_with("_total")) << name << " is a " << type;
    EXPECT_TRUE(read.helped.contains(name)) << name;
  }
  EXPECT_EQ(read.types.at("cache_latency_seconds"), "histogram");
  EXPECT_EQ(read.types.at("cache_size_bytes"), "gauge");
}

TEST(Exposition, MakesBucketsCumulativeAndEndsThemAtInfinity) {
  const scrape read(exposition(sample(), {}, {}));
  EXPECT_EQ(read.at(R"(cache_latency_seconds_bucket{operation="fill",le="0.001"})"), 1);
  EXPECT_EQ(read.at(R"(cache_latency_seconds_bucket{operation="fill",le="0.01"})"), 3);
  EXPECT_EQ(read.at(R"(cache_latency_seconds_bucket{operation="fill",le="+Inf"})"), 6);
  EXPECT_EQ(read.at(R"(cache_latency_seconds_count{operation="fill"})"), 6);
  EXPECT_EQ(read.at(R"(cache_latency_seconds_sum{operation="fill"})"), 0.5);
}

TEST(Exposition, NamesEveryReasonForAMissAndNoneForAHit) {
  const auto text = exposition(sample(), {}, {});
  for (std::size_t i = 1; i < miss_reasons; ++i) {
    EXPECT_THAT(text, HasSubstr("reason=\"" + std::string(name(static_cast<miss_reason>(i))) + '"'));
  }
  EXPECT_THAT(text, testing::Not(HasSubstr("reason=\"none\"")));
}

TEST(Exposition, ShowsTheSecondLevelIfThereIsOne) {
  auto stats = sample();
  EXPECT_THAT(exposition(stats, {}, {}), testing::Not(HasSubstr("cache_l2_state")));
  stats.second_level = {
      .state = second_level_state::down, .coherent = false, .breaker_opened = 2, .backlog = 3};
  const scrape read(exposition(stats, {}, {}));
  EXPECT_EQ(read.at(R"(cache_l2_state{state="down"})"), 1);
  EXPECT_EQ(read.at(R"(cache_l2_state{state="up"})"), 0);
  EXPECT_EQ(read.at("cache_l2_coherent"), 0);
  EXPECT_EQ(read.at("cache_l2_breaker_opened_total"), 2);
  EXPECT_EQ(read.at("cache_l2_kept_invalidations"), 3);
}

TEST(Exposition, ShowsTheStoreIfThereIsOneOnTheNetwork) {
  EXPECT_THAT(exposition(sample(), {}, {}), testing::Not(HasSubstr("store_")));
  store_health shared{
      .losses = 4, .requests = 70, .timeouts = 5, .connections = 3, .failures = 2, .pending = 1};
  EXPECT_THAT(exposition(sample(), {}, {}, {.shared = &shared}),
              testing::Not(HasSubstr("store_hearing_lag_seconds")));
  shared.usable = true;
  shared.event_lag = std::chrono::milliseconds(60);
  const scrape read(exposition(sample(), {}, {}, {.shared = &shared}));
  EXPECT_EQ(read.at("store_usable"), 1);
  EXPECT_EQ(read.at("store_hearing_lag_seconds"), 0.06);
  EXPECT_EQ(read.at("store_losses_total"), 4);
  EXPECT_EQ(read.at("store_requests_total"), 70);
  EXPECT_EQ(read.at("store_timeouts_total"), 5);
  EXPECT_EQ(read.at("store_requests_pending"), 1);
  EXPECT_EQ(read.at("store_connections_total"), 3);
  EXPECT_EQ(read.at("store_connect_failures_total"), 2);
}

TEST(Exposition, ShowsTheRelayIfThereIsOne) {
  EXPECT_THAT(exposition(sample(), {}, {}), testing::Not(HasSubstr("relay_")));
  relay_stats relaying{.active = true, .polls = 7, .changes = 5, .lag = std::chrono::milliseconds(20)};
  relaying.clears[static_cast<std::size_t>(clear_reason::overflow)] = 2;
  relaying.delivered_after_p99 = std::chrono::milliseconds(30);
  const scrape read(exposition(sample(), {}, {}, {.relaying = &relaying}));
  EXPECT_EQ(read.at("relay_active"), 1);
  EXPECT_EQ(read.at("relay_trouble"), 0);
  EXPECT_EQ(read.at("relay_polls_total"), 7);
  EXPECT_EQ(read.at("relay_changes_total"), 5);
  EXPECT_EQ(read.at(R"(relay_clears_total{reason="overflow"})"), 2);
  EXPECT_EQ(read.at(R"(relay_clears_total{reason="fresh"})"), 0);
  EXPECT_EQ(read.at("relay_lag_seconds"), 0.02);
  EXPECT_EQ(read.at(R"(relay_told_after_seconds{quantile="0.99"})"), 0.03);
}

TEST(Exposition, ShowsTheEventFeedIfThereIsOne) {
  EXPECT_THAT(exposition(sample(), {}, {}), testing::Not(HasSubstr("event_feed_")));
  const event_feed_stats feeding{.trouble = "there is no outbox",
                                 .events = 9,
                                 .handled = 8,
                                 .retries = 7,
                                 .given_up = 6,
                                 .waiting = 5,
                                 .gaps = 4};
  const scrape read(exposition(sample(), {}, {}, {.feeding = &feeding}));
  EXPECT_EQ(read.at("event_feed_trouble"), 1);
  EXPECT_EQ(read.at("event_feed_events_total"), 9);
  EXPECT_EQ(read.at("event_feed_handled_total"), 8);
  EXPECT_EQ(read.at("event_feed_retries_total"), 7);
  EXPECT_EQ(read.at("event_feed_given_up_total"), 6);
  EXPECT_EQ(read.at("event_feed_waiting"), 5);
  EXPECT_EQ(read.at("event_feed_gaps_total"), 4);
}

TEST(Exposition, ShowsTheSessionsIfThereAreSome) {
  EXPECT_THAT(exposition(sample(), {}, {}), testing::Not(HasSubstr("sessions_")));
  const session_stats sessions{
      .created = 1, .ended = 2, .rotated = 3, .refused = 4, .expired = 5, .recorded = 6, .failures = 7};
  const scrape read(exposition(sample(), {}, {}, {.sessions = &sessions}));
  EXPECT_EQ(read.at("sessions_created_total"), 1);
  EXPECT_EQ(read.at("sessions_ended_total"), 2);
  EXPECT_EQ(read.at("sessions_rotated_total"), 3);
  EXPECT_EQ(read.at("sessions_refused_total"), 4);
  EXPECT_EQ(read.at("sessions_expired_total"), 5);
  EXPECT_EQ(read.at("sessions_uses_recorded_total"), 6);
  EXPECT_EQ(read.at("sessions_failures_total"), 7);
}

TEST(Exposition, ShowsTheRateLimitsIfThereAreSome) {
  EXPECT_THAT(exposition(sample(), {}, {}), testing::Not(HasSubstr("rate_limit_")));
  const std::array limits{std::pair<std::string_view, rate_limiter_stats>{
      "user", {.allowed = 9, .refused = 8, .waited = 7, .reports = 6, .failures = 5, .alone = true}}};
  const scrape read(exposition(sample(), {}, {}, {.limits = limits}));
  EXPECT_EQ(read.at(R"(rate_limit_requests_total{policy="user",result="allowed"})"), 9);
  EXPECT_EQ(read.at(R"(rate_limit_requests_total{policy="user",result="refused"})"), 8);
  EXPECT_EQ(read.at(R"(rate_limit_waits_total{policy="user"})"), 7);
  EXPECT_EQ(read.at(R"(rate_limit_reports_total{policy="user"})"), 6);
  EXPECT_EQ(read.at(R"(rate_limit_failures_total{policy="user"})"), 5);
  EXPECT_EQ(read.at(R"(rate_limit_alone{policy="user"})"), 1);
}

TEST(Exposition, ShowsTheEdgeIfThereIsOne) {
  EXPECT_THAT(exposition(sample(), {}, {}), testing::Not(HasSubstr("edge_")));
  edge_stats purging{.active = true, .queued = 3, .oldest = std::chrono::milliseconds(1500)};
  purging.edges.push_back({.name = "varnish/10.0.0.1:6081", .purged = 9, .failed = 8, .unproven = 7});
  purging.edges[0].latency = {.operation = "purge",
                              .bounds = {std::chrono::seconds(1)},
                              .counts = {2, 1},
                              .sum = std::chrono::seconds(3)};
  const scrape read(exposition(sample(), {}, {}, {.purging = &purging}));
  EXPECT_EQ(read.at("edge_sender_active"), 1);
  EXPECT_EQ(read.at("edge_queue_length"), 3);
  EXPECT_EQ(read.at("edge_oldest_seconds"), 1.5);
  EXPECT_EQ(read.at(R"(edge_purges_total{edge="varnish/10.0.0.1:6081",result="purged"})"), 9);
  EXPECT_EQ(read.at(R"(edge_purges_total{edge="varnish/10.0.0.1:6081",result="failed"})"), 8);
  EXPECT_EQ(read.at(R"(edge_unproven_total{edge="varnish/10.0.0.1:6081"})"), 7);
  EXPECT_EQ(read.at(R"(edge_purge_seconds_count{edge="varnish/10.0.0.1:6081"})"), 3);
}

TEST(Exposition, KeepsLargeCountersExact) {
  auto stats = sample();
  stats.evictions = 9'007'199'254'740'991;  // the largest that a double holds exactly
  EXPECT_EQ(scrape(exposition(stats, {}, {})).at("cache_evictions_total"), 9'007'199'254'740'991.0);
}

TEST(RouteCounters, CountByRouteAndStatusClass) {
  route_counters counters;
  counters.count("/agents", 200);
  counters.count("/agents", 204);
  counters.count("/agents", 404);
  counters.count("", 404);
  counters.count("/agents", 7);
  std::map<std::string, std::array<std::uint64_t, 6>> by_route;
  for (const auto& each : counters.snapshot()) by_route[each.route] = each.by_class;
  EXPECT_EQ(by_route.at("/agents"), (std::array<std::uint64_t, 6>{1, 0, 2, 0, 1, 0}));
  EXPECT_EQ(by_route.at("other"), (std::array<std::uint64_t, 6>{0, 0, 0, 0, 1, 0}));
}

TEST(RouteCounters, KeepTheListOfRoutesClosed) {
  route_counters counters;
  for (std::size_t i = 0; i < 4 * route_counters::limit; ++i)
    counters.count("/made/up/" + std::to_string(i), 200);
  const auto routes = counters.snapshot();
  EXPECT_EQ(routes.size(), route_counters::limit + 1);
  std::uint64_t sum = 0;
  for (const auto& each : routes) sum += each.by_class[2];
  EXPECT_EQ(sum, 4 * route_counters::limit);
}

TEST(RouteCounters, LoseNothingAcrossThreads) {
  route_counters counters;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < 10'000; ++i) counters.count(i % 2 == 0 ? "/even" : "/odd", 200);
      });
    }
  }
  for (const auto& each : counters.snapshot()) {
    EXPECT_EQ(each.by_class[2], each.route == "other" ? 0u : 20'000u) << each.route;
  }
}

}  // namespace
}  // namespace strata
