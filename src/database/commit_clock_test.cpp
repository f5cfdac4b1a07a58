#include "database/commit_clock.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>
#include <string>

namespace strata::detail {
namespace {

TEST(CommitClock, ReadsASnapshotAsPostgresWritesIt) {
  const auto quiet = parse_snapshot("795:795:");
  ASSERT_TRUE(quiet);
  EXPECT_EQ(*quiet, (commit_snapshot{.xmin = 795, .xmax = 795, .running = {}}));
  EXPECT_EQ(quiet->clock(), 795u);
  const auto busy = parse_snapshot("10:20:10,14,15");
  ASSERT_TRUE(busy);
  EXPECT_EQ(*busy, (commit_snapshot{.xmin = 10, .xmax = 20, .running = {10, 14, 15}}));
  EXPECT_EQ(busy->clock(), 17u);
  EXPECT_TRUE(parse_snapshot("4294967299:18446744073709551615:4294967300")) << "they have 64 bits";
}

TEST(CommitClock, KnowsWhichTransactionsWereOver) {
  const auto seen = *parse_snapshot("10:20:10,14,15");
  for (const std::uint64_t over : {1, 9, 11, 13, 16, 19}) EXPECT_TRUE(seen.saw_end_of(over)) << over;
  for (const std::uint64_t running : {10, 14, 15, 20, 21}) EXPECT_FALSE(seen.saw_end_of(running)) << running;
}

TEST(CommitClock, RefusesWhatIsNoSnapshot) {
  for (const char* text : {"",       ":",     "::",      "1:2",     "1:2:3:4",
                           "a:2:",   "1:b:",  "1:2:c",   "5:4:",    "0:4:",
                           "1:4:4",  "3:9:2", "1:9:5,5", "1:9:6,5", "1:9:5,",
                           "1:9:,5", "-1:9:", "1:9:5 ",  "1 :9:",   "1:99999999999999999999:"}) {
    const auto read = parse_snapshot(text);
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error().code, errc::corrupt_entry);
  }
}

/// A server's transactions: they begin in order and end in any.
class history {
 public:
  explicit history(std::uint64_t seed) : random_(seed) {}

  void step() {
    if (running_.empty() || random_() % 2 == 0) {
      running_.insert(next_++);
    } else {
      auto which = running_.begin();
      std::advance(which, static_cast<std::ptrdiff_t>(random_() % running_.size()));
      ended_.insert(*which);
      latest_ = std::max(latest_, *which);
      running_.erase(which);
    }
  }

  /// As GetSnapshotData makes it: xmax is behind the latest transaction that ended.
  std::string text() const {
    const auto xmax = latest_ + 1;
    auto xmin = xmax;
    std::string list;
    for (const auto each : running_) {
      if (each >= xmax) continue;
      xmin = std::min(xmin, each);
      list += (list.empty() ? "" : ",") + std::to_string(each);
    }
    return std::to_string(xmin) + ':' + std::to_string(xmax) + ':' + list;
  }
  const std::set<std::uint64_t>& ended() const { return ended_; }
  std::uint64_t next() const { return next_; }

 private:
  std::mt19937_64 random_;
  std::uint64_t next_ = 3;
  std::uint64_t latest_ = 2;
  std::set<std::uint64_t> running_;
  std::set<std::uint64_t> ended_;
};

// Whatever the history: the clock counts what has ended, so it never goes back, and of two snapshots
// the one with the larger clock saw everything that the other one saw.
TEST(CommitClock, OrdersSnapshotsByWhatTheySaw) {
  const auto seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  for (std::uint64_t round = 0; round < 20; ++round) {
    history of(seed + round);
    commit_time last = 0;
    for (int i = 0; i < 300; ++i) {
      of.step();
      const auto seen = parse_snapshot(of.text());
      ASSERT_TRUE(seen) << of.text();
      ASSERT_EQ(seen->clock(), of.ended().size() + 3) << of.text();
      ASSERT_GE(seen->clock(), last);
      last = seen->clock();
      for (std::uint64_t xid = 3; xid < of.next(); ++xid) {
        ASSERT_EQ(seen->saw_end_of(xid), of.ended().contains(xid)) << of.text() << ' ' << xid;
      }
    }
  }
}

}  // namespace
}  // namespace strata::detail
