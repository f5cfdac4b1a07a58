#include <gtest/gtest.h>
#include <strata/trace.hpp>

#include <algorithm>
#include <chrono>
#include <list>
#include <random>
#include <string>
#include <vector>

namespace strata {
namespace {

using namespace std::chrono_literals;

trace_request asked(int key, std::uint64_t size = 1, duration time = 0s, duration ttl = 0s) {
  return {.time = time, .ttl = ttl, .size = {size}, .key = std::to_string(key)};
}

replay_result replay(const std::vector<trace_request>& trace, const replay_options& with) {
  trace_replay cache(with);
  for (const auto& each : trace) cache.add(each);
  return cache.result();
}

replay_options bare(std::uint64_t capacity, eviction_policy policy = eviction_policy::lru) {
  return {.size = {capacity}, .counts = replay_counts::capacity, .policy = policy};
}

/// A trace with favourites, and sizes that belong to their keys.
std::vector<trace_request> some_trace(std::uint64_t seed, std::size_t requests, int keys, bool sized) {
  std::mt19937_64 random(seed);
  std::vector<trace_request> out;
  for (std::size_t i = 0; i < requests; ++i) {
    const double uniform = static_cast<double>(random() >> 11) * 0x1p-53;
    const int key = static_cast<int>(uniform * uniform * uniform * keys);
    const auto size = sized ? static_cast<std::uint64_t>(key * 7919 % 200 + 1) : 1;
    out.push_back(asked(key, size, std::chrono::milliseconds(i)));
  }
  return out;
}

/// A reference LRU, in linear time.
replay_result simple_lru(const std::vector<trace_request>& trace, std::uint64_t capacity) {
  std::list<trace_request> newest_first;
  std::uint64_t used = 0;
  replay_result out;
  for (const auto& each : trace) {
    ++out.requests;
    out.requested_size.count += each.size.count;
    const auto found = std::ranges::find(newest_first, each.key, &trace_request::key);
    if (found != newest_first.end()) {
      newest_first.splice(newest_first.begin(), newest_first, found);
      continue;
    }
    ++out.misses;
    out.missed_size.count += each.size.count;
    for (; used + each.size.count > capacity; ++out.evictions) {
      used -= newest_first.back().size.count;
      newest_first.pop_back();
    }
    newest_first.push_front(each);
    used += each.size.count;
  }
  out.entries = newest_first.size();
  out.used = {used};
  return out;
}

TEST(Replay, IsLruByHand) {
  // Room for four:                                   a  b  c  d  a  e  b  a  c
  const std::vector<int> keys = {/* hits: a, a */ 1, 2, 3, 4, 1, 5, 2, 1, 3};
  std::vector<trace_request> trace;
  for (const int key : keys) trace.push_back(asked(key, 10));
  // e drives out b, b drives out c, c drives out d.
  const auto got = replay(trace, bare(40));
  EXPECT_EQ(got.requests, 9u);
  EXPECT_EQ(got.misses, 7u);
  EXPECT_EQ(got.missed_size.count, 70u);
  EXPECT_EQ(got.evictions, 3u);
  EXPECT_EQ(got.entries, 4u);
  EXPECT_EQ(got.used.count, 40u);
  EXPECT_DOUBLE_EQ(got.object_miss_ratio(), 7.0 / 9);
}

TEST(Replay, AgreesWithASimpleLruRequestForRequest) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  for (const bool sized : {false, true}) {
    const auto trace = some_trace(seed, 20'000, 2'000, sized);
    for (const std::uint64_t capacity : {1'000u, 5'000u, 40'000u}) {
      const auto wanted = simple_lru(trace, capacity);
      const auto got = replay(trace, bare(capacity));
      EXPECT_EQ(got.misses, wanted.misses) << capacity;
      EXPECT_EQ(got.missed_size, wanted.missed_size) << capacity;
      EXPECT_EQ(got.evictions, wanted.evictions) << capacity;
      EXPECT_EQ(got.entries, wanted.entries) << capacity;
      EXPECT_EQ(got.used, wanted.used) << capacity;
    }
  }
}

TEST(Replay, MissesEachObjectOnceIfAllOfThemFit) {
  const auto trace = some_trace(7, 20'000, 2'000, true);
  trace_census census;
  for (const auto& each : trace) census.add(each);
  for (const auto policy : eviction_policies) {
    const auto by_capacity = replay(trace, bare(10 * census.size().count, policy));
    EXPECT_EQ(by_capacity.misses, census.objects());
    EXPECT_EQ(by_capacity.missed_size, census.size());
    const auto by_memory = replay(trace, {.size = {64u << 20}, .policy = policy});
    EXPECT_EQ(by_memory.misses, census.objects());
    EXPECT_EQ(by_memory.entries, census.objects());
  }
}

TEST(Replay, PoliciesAndObjectivesDiffer) {
  // Many small objects that are asked for again, and large ones that are, too.
  const auto trace = some_trace(11, 50'000, 5'000, true);
  const auto ratio = [&](eviction_policy policy, eviction_objective objective) {
    return replay(
        trace,
        {.size = {20'000}, .counts = replay_counts::capacity, .policy = policy, .objective = objective});
  };
  const auto objects = ratio(eviction_policy::s3camp, eviction_objective::objects);
  const auto bytes = ratio(eviction_policy::s3camp, eviction_objective::bytes);
  const auto lru = ratio(eviction_policy::lru, eviction_objective::objects);
  EXPECT_LT(objects.object_miss_ratio(), lru.object_miss_ratio());
  EXPECT_LT(objects.object_miss_ratio(), bytes.object_miss_ratio());
  EXPECT_LT(bytes.byte_miss_ratio(), objects.byte_miss_ratio());
  EXPECT_NE(ratio(eviction_policy::s3fifo, eviction_objective::objects).misses, lru.misses);
}

TEST(Replay, CountingMemoryCountsMoreThanTheTracesSizes) {
  const auto trace = some_trace(13, 50'000, 20'000, true);
  const auto bare_result = replay(trace, bare(1u << 20, eviction_policy::s3camp));
  const auto whole = replay(trace, {.size = {1u << 20}});
  EXPECT_LE(whole.used.count, 1u << 20);
  EXPECT_GT(whole.used.count, (1u << 20) * 9 / 10);
  EXPECT_LT(whole.entries, bare_result.entries / 2) << "an entry costs more than its hundred bytes";
  EXPECT_GT(whole.misses, bare_result.misses);
}

TEST(Replay, EndsValuesExactlyAtTheirTtl) {
  const std::vector<trace_request> trace = {asked(1, 1, 0s, 10s),   asked(1, 1, 9999ms, 10s),
                                            asked(1, 1, 10s, 10s),  // at its end: a miss, stored anew
                                            asked(1, 1, 19s, 10s),  asked(2, 1, 19s),
                                            asked(2, 1, 1'000'000s)};  // without a ttl: for ever
  for (const auto counts : {replay_counts::capacity, replay_counts::memory}) {
    const auto got = replay(trace, {.size = {1u << 20}, .counts = counts});
    EXPECT_EQ(got.misses, 3u);
    EXPECT_EQ(got.expirations, 2u);
    EXPECT_EQ(replay(trace, {.size = {1u << 20}, .counts = counts, .ttls = false}).misses, 2u);
  }
}

TEST(Replay, GivesBackTheRoomOfWhatHasEnded) {
  std::vector<trace_request> trace;
  for (int i = 0; i < 100; ++i) trace.push_back(asked(i, 1, 0s, 1s));
  for (int i = 100; i < 200; ++i) trace.push_back(asked(i, 1, 1h));
  const auto got = replay(trace, bare(100));
  EXPECT_EQ(got.evictions, 0u) << "what has ended makes room before anything is driven out";
  EXPECT_EQ(got.expirations, 100u);
}

TEST(Replay, ATimeBeforeTheLastCountsAsTheLast) {
  const auto got =
      replay({asked(1, 1, 100s, 10s), asked(1, 1, 50s, 10s), asked(1, 1, 109s), asked(1, 1, 111s)}, bare(10));
  EXPECT_EQ(got.misses, 2u);
}

TEST(Replay, RejectsWhatIsTooLargeAndGoesOn) {
  const auto got =
      replay({asked(1, 10), asked(2, std::uint64_t{1} << 40), asked(2, std::uint64_t{1} << 40), asked(1, 10)},
             bare(100));
  EXPECT_EQ(got.misses, 3u);
  EXPECT_EQ(got.rejected, 2u);
  EXPECT_EQ(replay({asked(1)}, {.size = {0}}).rejected, 1u);
  EXPECT_EQ(replay({}, bare(0)).object_miss_ratio(), 0);
}

TEST(Census, CountsObjectsOnce) {
  trace_census census;
  for (const auto& each : {asked(1, 10), asked(2, 20), asked(1, 10)}) census.add(each);
  EXPECT_EQ(census.requests(), 3u);
  EXPECT_EQ(census.objects(), 2u);
  EXPECT_EQ(census.size().count, 30u);
  EXPECT_EQ(census.requested_size().count, 40u);
  EXPECT_TRUE(census.has_sizes());
  trace_census unsized;
  unsized.add(asked(1));
  EXPECT_FALSE(unsized.has_sizes());
}

}  // namespace
}  // namespace strata
