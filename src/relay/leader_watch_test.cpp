#include "relay/leader_watch.hpp"

#include <gtest/gtest.h>

#include <array>

namespace strata::relay_detail {
namespace {

using namespace std::chrono_literals;

constexpr duration shortest = 150ms;

/// A relay that watches another. Time passes with its looks.
class LeaderWatch : public ::testing::Test {
 protected:
  /// Looks after the interval, and `late` later.
  bool look(duration late = 0ms) {
    at += watch.interval_at(at) + late;
    return watch.looked(at, {.value = mark, .life = "1:run"});
  }
  /// The leader stands still. Returns how long until it counts as gone.
  duration stand_still(duration late = 0ms) {
    const auto since = at;
    while (!look(late)) {
    }
    return at - since;
  }
  /// The leader makes no progress for `looks`, and then goes on.
  void pause(int looks) {
    for (int i = 0; i < looks; ++i) ASSERT_FALSE(look());
    ++mark;
    ASSERT_FALSE(look());
  }

  leader_watch watch{shortest};
  time_point at{1h};
  std::uint64_t mark = 1;
};

TEST_F(LeaderWatch, ReplacesALeaderThatStandsStillForThePatience) {
  EXPECT_FALSE(look());
  EXPECT_EQ(stand_still(), shortest);
}

TEST_F(LeaderWatch, KeepsALeaderThatAdvances) {
  for (int i = 0; i < 1000; ++i, ++mark) ASSERT_FALSE(look());
  EXPECT_EQ(watch.patience_at(at), shortest);
}

TEST_F(LeaderWatch, CountsNoTimeInWhichItDidNotLookItself) {
  look();
  EXPECT_FALSE(look(10s)) << "neither the leader nor this process was running";
  ++mark;
  EXPECT_FALSE(look());
  EXPECT_GT(watch.patience_at(at), shortest) << "leaders are late here as well";
}

TEST_F(LeaderWatch, WaitsLongerWhereLeadersAreLate) {
  leader_watch& of = watch;
  look();
  pause(1);
  EXPECT_EQ(of.patience_at(at), shortest) << "half of the patience is no reason to lengthen it";
  ++mark;
  look(200ms);
  EXPECT_EQ(of.patience_at(at), 400ms);
  pause(1);
  EXPECT_EQ(of.patience_at(at), 400ms);
  EXPECT_EQ(stand_still(), 400ms);
}

TEST_F(LeaderWatch, DoublesThePatienceWhenItWasReplacedWhileItWorked) {
  for (const auto expected : {300ms, 600ms, 1200ms, 1200ms}) {
    watch.replaced_at(at);
    watch.restart();
    EXPECT_EQ(watch.patience_at(at), expected);
  }
}

TEST_F(LeaderWatch, ForgetsWhatWasLongAgo) {
  watch.replaced_at(at);
  watch.replaced_at(at);
  EXPECT_EQ(watch.patience_at(at), 600ms);
  EXPECT_EQ(watch.patience_at(at + 2min), 300ms);
  EXPECT_EQ(watch.patience_at(at + 10min), shortest);
}

TEST_F(LeaderWatch, BeginsAgainAfterTheStoreWasAway) {
  look();
  look();
  watch.restart();
  EXPECT_FALSE(look());
  EXPECT_EQ(stand_still(), shortest);
}

/// Two relays on a machine that lets every process wait for up to 400 ms now and then.
TEST(LeaderWatchPair, SettlesOnOneLeaderOnABusyMachine) {
  struct relay {
    leader_watch watch{shortest};
    time_point due{};
  };
  std::array<relay, 2> relays;
  std::size_t leads = 0;
  int takeovers = 0;
  int late_takeovers = 0;
  std::uint64_t mark = 1;
  std::uint64_t random = 7;
  const auto delay = [&]() -> duration {
    random = random * 6364136223846793005U + 1442695040888963407U;
    return (random >> 33) % 20 == 0 ? std::chrono::milliseconds((random >> 40) % 400) : 0ms;
  };
  for (time_point at{1h}; at < time_point{1h + 14min}; at += 1ms) {
    for (std::size_t i = 0; i < relays.size(); ++i) {
      auto& each = relays[i];
      if (at < each.due) continue;
      if (i == leads) {
        ++mark;
        each.due = at + 50ms + delay();
        continue;
      }
      if (each.watch.looked(at, {.value = mark, .life = "1:run"})) {
        relays[leads].watch.replaced_at(at);
        relays[leads].watch.restart();
        relays[leads].due = at + 50ms;
        each.watch.restart();
        leads = i;
        ++takeovers;
        if (at > time_point{1h + 1min}) ++late_takeovers;
      }
      each.due = at + each.watch.interval_at(at) + delay();
    }
  }
  EXPECT_LE(takeovers, 8);
  EXPECT_LE(late_takeovers, 4);
}

}  // namespace
}  // namespace strata::relay_detail
