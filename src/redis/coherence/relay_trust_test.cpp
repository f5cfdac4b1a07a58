#include "redis/coherence/relay_trust.hpp"

#include <gtest/gtest.h>

#include <random>

namespace {

using namespace std::chrono_literals;
using strata::duration;
using strata::time_point;
using strata::redis::relay_trust;

constexpr auto nothing = time_point::min();
constexpr time_point at(int ms) {
  return time_point(std::chrono::milliseconds(ms));
}

TEST(RelayTrust, TellsNothingBeforeItHasSeenTheMarkMoveTwice) {
  relay_trust trust;
  EXPECT_EQ(trust.heartbeat_answered(at(0), 0, 0), nothing) << "nobody relays";
  EXPECT_EQ(trust.heartbeat_answered(at(10), 0, 0), nothing);
  EXPECT_EQ(trust.heartbeat_answered(at(20), 5, 0), nothing)
      << "who wrote it may have begun before all heartbeats";
  EXPECT_EQ(trust.heartbeat_answered(at(30), 5, 0), nothing);
  EXPECT_EQ(trust.heartbeat_answered(at(40), 6, 5), nothing) << "what was told may be under way";
  EXPECT_EQ(trust.heartbeat_answered(at(50), 6, 5), at(10)) << "the last one that saw a mark below 5";
}

TEST(RelayTrust, CountsFromTheLastHeartbeatBeforeTheMarkThatWasSeen) {
  relay_trust trust;
  trust.heartbeat_answered(at(0), 1, 0);
  trust.heartbeat_answered(at(10), 5, 4);
  EXPECT_EQ(trust.heartbeat_answered(at(20), 9, 8), at(0));
  EXPECT_EQ(trust.heartbeat_answered(at(30), 12, 11), at(10));
  EXPECT_EQ(trust.heartbeat_answered(at(40), 12, 11), at(20));
}

TEST(RelayTrust, StandsStillWithTheMark) {
  relay_trust trust;
  trust.heartbeat_answered(at(0), 1, 0);
  trust.heartbeat_answered(at(10), 5, 4);
  for (int ms = 20; ms < 1000; ms += 10) EXPECT_EQ(trust.heartbeat_answered(at(ms), 5, 4), at(0)) << ms;
}

TEST(RelayTrust, DoesNotBelieveWhoWasPausedForLong) {
  relay_trust trust;
  trust.heartbeat_answered(at(0), 7, 6);
  trust.heartbeat_answered(at(10), 8, 7);
  for (int ms = 20; ms <= 500; ms += 10) trust.heartbeat_answered(at(ms), 8, 7);
  // Who had seen 8 asked the source at 15 ms, was paused, and writes 9 now.
  trust.heartbeat_answered(at(510), 9, 8);
  EXPECT_LE(trust.heartbeat_answered(at(520), 9, 8), at(10));
}

TEST(RelayTrust, BeginsAnewWhenTheMarkGoesBack) {
  relay_trust trust;
  trust.heartbeat_answered(at(0), 100, 99);
  trust.heartbeat_answered(at(10), 105, 104);
  EXPECT_EQ(trust.heartbeat_answered(at(20), 110, 109), at(0));
  EXPECT_EQ(trust.heartbeat_answered(at(30), 101, 100), nothing);
  EXPECT_EQ(trust.heartbeat_answered(at(40), 106, 105), nothing);
  EXPECT_EQ(trust.heartbeat_answered(at(50), 106, 105), at(30));
  trust.restart();
  EXPECT_EQ(trust.heartbeat_answered(at(60), 110, 109), nothing);
}

/// Relays that take, each in its own time, the mark, a look at the source, and the mark again, against a
/// source where something is committed each millisecond.
TEST(RelayTrust, NeverClaimsWhatWasNotTold) {
  const auto seed = std::random_device()();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  const auto upto = [&](int most) { return std::uniform_int_distribution(0, most)(random); };
  struct relay {
    std::uint64_t seen = 0;
    int looked = -1;  ///< all that was committed before this it will tell
    int wake = 0;
    int step = 0;
  };
  std::vector<relay> relays(3);
  relay_trust trust;
  std::uint64_t mark = 0;
  std::uint64_t before = 0;
  int told_to_store = -1;
  int told_at_last_beat = -1;
  int claims = 0;
  for (int now = 0; now < 20'000; ++now) {
    for (auto& each : relays) {
      if (now < each.wake) continue;
      if (each.step == 0) each.seen = mark;
      if (each.step == 1) each.looked = now;
      if (each.step == 2) told_to_store = std::max(told_to_store, each.looked);
      if (each.step == 3 && each.seen == mark) before = std::exchange(mark, mark + 1);
      each.step = (each.step + 1) % 4;
      each.wake = now + 1 + upto(3) + (upto(60) == 0 ? upto(800) : 0);
    }
    if (now % 7 != 0) continue;
    const auto told = trust.heartbeat_answered(at(now), mark, before);
    if (told != nothing) {
      ++claims;
      ASSERT_LE(told, at(told_at_last_beat)) << "at " << now;
    }
    told_at_last_beat = told_to_store;
  }
  EXPECT_GT(claims, 1000);
}

}  // namespace
