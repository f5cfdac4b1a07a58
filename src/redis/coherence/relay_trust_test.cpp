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

TEST(RelayTrust, HasNoSourceWatermarkBeforeTheRelayAdvancedTwice) {
  relay_trust trust;
  EXPECT_EQ(trust.heartbeat_answered(at(0), 0, 0), nothing) << "there is no relay";
  EXPECT_EQ(trust.heartbeat_answered(at(10), 0, 0), nothing);
  EXPECT_EQ(trust.heartbeat_answered(at(20), 5, 0), nothing)
      << "its relay may have begun before all heartbeats";
  EXPECT_EQ(trust.heartbeat_answered(at(30), 5, 0), nothing);
  EXPECT_EQ(trust.heartbeat_answered(at(40), 6, 5), nothing) << "pushes may still be on their way";
  EXPECT_EQ(trust.heartbeat_answered(at(50), 6, 5), at(10))
      << "the last heartbeat that saw a watermark below 5";
}

TEST(RelayTrust, CountsFromTheLastHeartbeatBelowThePreviousWatermark) {
  relay_trust trust;
  trust.heartbeat_answered(at(0), 1, 0);
  trust.heartbeat_answered(at(10), 5, 4);
  EXPECT_EQ(trust.heartbeat_answered(at(20), 9, 8), at(0));
  EXPECT_EQ(trust.heartbeat_answered(at(30), 12, 11), at(10));
  EXPECT_EQ(trust.heartbeat_answered(at(40), 12, 11), at(20));
}

TEST(RelayTrust, StandsStillWithTheWatermark) {
  relay_trust trust;
  trust.heartbeat_answered(at(0), 1, 0);
  trust.heartbeat_answered(at(10), 5, 4);
  for (int ms = 20; ms < 1000; ms += 10) EXPECT_EQ(trust.heartbeat_answered(at(ms), 5, 4), at(0)) << ms;
}

TEST(RelayTrust, DoesNotTrustARelayThatWasPausedForLong) {
  relay_trust trust;
  trust.heartbeat_answered(at(0), 7, 6);
  trust.heartbeat_answered(at(10), 8, 7);
  for (int ms = 20; ms <= 500; ms += 10) trust.heartbeat_answered(at(ms), 8, 7);
  // A relay that had read 8 asked the source at 15 ms, was paused, and writes 9 now.
  trust.heartbeat_answered(at(510), 9, 8);
  EXPECT_LE(trust.heartbeat_answered(at(520), 9, 8), at(10));
}

TEST(RelayTrust, StartsAgainWhenTheWatermarkGoesBack) {
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

/// Relays that read the watermark, then the source, and advance the watermark, each at its own pace, while
/// the source commits every millisecond.
TEST(RelayTrust, NeverClaimsWhatWasNotReported) {
  const auto seed = std::random_device()();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  const auto upto = [&](int most) { return std::uniform_int_distribution(0, most)(random); };
  struct relay {
    std::uint64_t seen = 0;
    int looked = -1;  ///< it will report all that was committed before this
    int wake = 0;
    int step = 0;
  };
  std::vector<relay> relays(3);
  relay_trust trust;
  std::uint64_t watermark = 0;
  std::uint64_t before = 0;
  int reported = -1;
  int reported_at_last_heartbeat = -1;
  int claims = 0;
  for (int now = 0; now < 20'000; ++now) {
    for (auto& each : relays) {
      if (now < each.wake) continue;
      if (each.step == 0) each.seen = watermark;
      if (each.step == 1) each.looked = now;
      if (each.step == 2) reported = std::max(reported, each.looked);
      if (each.step == 3 && each.seen == watermark) before = std::exchange(watermark, watermark + 1);
      each.step = (each.step + 1) % 4;
      each.wake = now + 1 + upto(3) + (upto(60) == 0 ? upto(800) : 0);
    }
    if (now % 7 != 0) continue;
    const auto source_watermark = trust.heartbeat_answered(at(now), watermark, before);
    if (source_watermark != nothing) {
      ++claims;
      ASSERT_LE(source_watermark, at(reported_at_last_heartbeat)) << "at " << now;
    }
    reported_at_last_heartbeat = reported;
  }
  EXPECT_GT(claims, 1000);
}

}  // namespace
