#include "redis/coherence/heartbeat_pace.hpp"

#include "redis/coherence/relay_trust.hpp"

#include <gtest/gtest.h>

namespace strata::redis {
namespace {

using namespace std::chrono_literals;

constexpr time_point began{1h};
constexpr time_point always = time_point::max();

TEST(HeartbeatPace, HalvesTheRateAfterASecondWithoutChanges) {
  heartbeat_pace pace({});
  pace.changed(began);
  EXPECT_EQ(pace.next(began + 999ms, always), 25ms);
  EXPECT_EQ(pace.next(began + 1s, always), 50ms);
}

TEST(HeartbeatPace, ReturnsToTheFullRateWithTheFirstChange) {
  heartbeat_pace pace({});
  EXPECT_EQ(pace.next(began, always), 50ms);
  EXPECT_TRUE(pace.changed(began)) << "a heartbeat is due at once";
  EXPECT_FALSE(pace.changed(began));
  EXPECT_EQ(pace.next(began, always), 25ms);
}

TEST(HeartbeatPace, ReturnsToTheFullRateWhenTrustIsAboutToEnd) {
  heartbeat_pace pace({});
  EXPECT_EQ(pace.next(began, began + 51ms), 50ms);
  EXPECT_EQ(pace.next(began, began + 49ms), 25ms);
  EXPECT_EQ(pace.next(began + 900ms, always), 25ms);
}

TEST(HeartbeatPace, StaysAtTheFullRateWithoutTrust) {
  heartbeat_pace pace({});
  EXPECT_EQ(pace.next(began, time_point{}), 25ms);
  EXPECT_EQ(pace.next(began + 1h, time_point::min()), 25ms);
}

TEST(HeartbeatPace, LeavesTimeForTheBound) {
  EXPECT_EQ(heartbeat_pace({.bound = 350ms}).next(began, always), 50ms);
  EXPECT_EQ(heartbeat_pace({.bound = 200ms}).next(began, always), duration(200ms) / 7);
  EXPECT_EQ(heartbeat_pace({.bound = 100ms}).next(began, always), 25ms) << "never slower than asked";
  EXPECT_EQ(heartbeat_pace({.heartbeat = 250ms, .trust_for = 1s}).next(began, always), 250ms);
}

/// Whatever the moments at which a slow process and a slow relay work: their trust never ends.
TEST(HeartbeatPace, KeepsTrustWithARelayThatIsAsSlow) {
  constexpr auto bound = 350ms;
  constexpr auto slow = 50ms;
  for (auto phase = 0ms; phase < slow; ++phase) {
    heartbeat_pace pace({.bound = bound});
    relay_trust trust;
    auto source_watermark = time_point::min();
    for (auto at = began; at < began + 5s; at += pace.next(at, always)) {
      const auto marks = static_cast<std::uint64_t>((at - began + phase) / slow);
      source_watermark = trust.heartbeat_answered(at, marks + 1, marks);
      if (at > began + 1s) {
        EXPECT_GT(source_watermark + bound, at + slow + 50ms) << phase;
      }
    }
  }
}

}  // namespace
}  // namespace strata::redis
