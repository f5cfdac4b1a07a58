#include "engine/counters.hpp"

#include <gtest/gtest.h>

#include <numeric>
#include <thread>
#include <vector>

namespace strata::detail {
namespace {

using namespace std::chrono_literals;

struct Counters : ::testing::Test {
  counters counted;
  const cache_type agents = cache_type::named("agent");

  cache_stats collect() const {
    cache_stats out;
    counted.collect(out);
    return out;
  }
  type_stats of_agents() const { return collect().types.at(agents.index()); }
};

TEST_F(Counters, SumTheCountsOfAllThreads) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 1000; ++i) counted.count(agents, &type_cells::l1_hits);
    });
  }
  for (auto& each : threads) each.join();
  EXPECT_EQ(of_agents().l1_hits, 4000u);
  EXPECT_EQ(of_agents().type, "agent");
}

TEST_F(Counters, CountMissesByTheirReason) {
  counted.count_miss(agents, miss_reason::tag);
  counted.count_miss(agents, miss_reason::tag);
  counted.count_miss(agents, miss_reason::absent);
  const auto misses = of_agents().misses;
  EXPECT_EQ(misses[static_cast<std::size_t>(miss_reason::tag)], 2u);
  EXPECT_EQ(misses[static_cast<std::size_t>(miss_reason::absent)], 1u);
  EXPECT_EQ(std::accumulate(misses.begin(), misses.end(), 0u), 3u);
}

TEST_F(Counters, PutLatenciesIntoBucketsByTheirUpperBound) {
  counted.time(operation::get, 250ns);
  counted.time(operation::get, 251ns, 64);
  counted.time(operation::get, 1h);
  const auto stats = collect();
  const auto& get = stats.latencies.at(static_cast<std::size_t>(operation::get));
  EXPECT_EQ(get.operation, "get");
  ASSERT_EQ(get.counts.size(), get.bounds.size() + 1);
  EXPECT_EQ(get.bounds.front(), 250ns);
  EXPECT_EQ(get.counts[0], 1u);
  EXPECT_EQ(get.counts[1], 64u);
  EXPECT_EQ(get.counts.back(), 1u) << "the last bucket has no bound";
  EXPECT_EQ(get.sum, 250ns + 64 * 251ns + 1h);
}

TEST_F(Counters, SampleOneCallInSixtyFour) {
  unsigned sampled = 0;
  for (unsigned i = 0; i < 10 * counters::sample_every; ++i) sampled += counted.sample() ? 1 : 0;
  EXPECT_EQ(sampled, 10u);
}

TEST_F(Counters, CountRoundTripsAndTheirFailures) {
  counted.l2_round_trip(false);
  counted.l2_round_trip(true);
  EXPECT_EQ(collect().l2_round_trips, 2u);
  EXPECT_EQ(collect().l2_errors, 1u);
}

}  // namespace
}  // namespace strata::detail
