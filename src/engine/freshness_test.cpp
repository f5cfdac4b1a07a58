/// Which records may answer a read, and why not.

#include "engine/freshness.hpp"

#include <strata/testing.hpp>

#include <gtest/gtest.h>

namespace strata::detail {
namespace {

using namespace std::chrono_literals;
using enum freshness::state;

constexpr value_type text_type{};
constexpr value_type other_type{};

/// A record filled at 0 s as of 10: fresh until 60 s, stale until 90 s.
struct Freshness : ::testing::Test {
  testing::manual_clock time;
  const time_point start = time.now();
  floor_table floors;
  uncached_read_fence uncached_reads;
  record entry;
  const key agent{"agent:1"};
  std::shared_ptr<const policy> rules = std::make_shared<const policy>(policy{.stale_while_revalidate = 30s});
  time_point trusted_until = time_point::max();
  time_point watermark = time_point::min();

  Freshness() {
    entry.value_type = &text_type;
    entry.asof = 10;
    entry.created = at(0s);
    entry.fresh_until = at(60s);
    entry.stale_until = at(90s);
    entry.floors = floor_set("agent:1", {"staff"});
    entry.source.began = at(0s);
  }

  time_point at(duration since) const { return start + since; }

  freshness judge_at(duration now, commit_time required_asof = 0, const value_type* type = &text_type) {
    const any_key target{agent, rules, cache_type(), type, required_asof};
    time.advance(at(now) - time.now());
    return judge(entry, target,
                 {.floors = floors,
                  .uncached_reads = uncached_reads,
                  .time = time,
                  .at = at(now),
                  .trusted_until = trusted_until,
                  .source_watermark = watermark,
                  .relayed = watermark != time_point::min()});
  }
};

TEST_F(Freshness, IsFreshThenStaleThenGone) {
  EXPECT_EQ(judge_at(59s).standing, fresh);
  const auto later = judge_at(60s);
  EXPECT_EQ(later.standing, stale);
  EXPECT_EQ(later.why, miss_reason::expired);
  EXPECT_EQ(later.stale_since, at(60s));
  EXPECT_EQ(judge_at(90s).standing, gone);
}

TEST_F(Freshness, IsGoneBelowAHardFloor) {
  floors.raise({.bucket = floor_table::tag_bucket("staff"), .asof = 11});
  EXPECT_EQ(judge_at(1s).standing, gone);
  EXPECT_EQ(judge_at(1s).why, miss_reason::tag);
  floors.raise({.bucket = floor_table::prefix_bucket("agent"), .asof = 11});
  EXPECT_EQ(judge_at(1s).why, miss_reason::prefix);
  floors.raise({.bucket = floor_table::root, .asof = 11});
  EXPECT_EQ(judge_at(1s).why, miss_reason::cleared);
}

TEST_F(Freshness, IsStaleBelowASoftFloor) {
  floors.raise({.bucket = floor_table::tag_bucket("staff"), .asof = 11, .soft = true});
  EXPECT_EQ(judge_at(1s).standing, stale);
  EXPECT_EQ(judge_at(1s).why, miss_reason::tag);
}

TEST_F(Freshness, IsGoneForAReaderOfAnotherType) {
  EXPECT_EQ(judge_at(1s, 0, &other_type).why, miss_reason::undecodable);
}

TEST_F(Freshness, IsGoneForAReaderThatRequiresANewerValue) {
  EXPECT_EQ(judge_at(1s, 10).standing, fresh);
  const auto behind = judge_at(1s, 11);
  EXPECT_EQ(behind.standing, gone);
  EXPECT_EQ(behind.why, miss_reason::behind);
  EXPECT_TRUE(behind.worth_keeping()) << "other readers may have it";
}

TEST_F(Freshness, IsNotFreshOnceChangesAreNoLongerReported) {
  trusted_until = at(20s);
  EXPECT_EQ(judge_at(19s).standing, fresh);
  const auto later = judge_at(20s);
  EXPECT_EQ(later.standing, stale);
  EXPECT_EQ(later.why, miss_reason::not_coherent);
  EXPECT_EQ(later.stale_since, at(20s));
  EXPECT_TRUE(later.worth_keeping());
  EXPECT_EQ(judge_at(50s).standing, gone) << "the stale window counts from the end of the trust";
}

TEST_F(Freshness, TheEndOfTheTrustIsCheckedByTheExactClock) {
  trusted_until = at(20s);
  time.advance(20s);
  const any_key target{agent, rules, cache_type(), &text_type};
  const read_context late{.floors = floors,
                          .uncached_reads = uncached_reads,
                          .time = time,
                          .at = at(20s - 10ms),
                          .trusted_until = trusted_until,
                          .source_watermark = watermark,
                          .relayed = false};
  EXPECT_EQ(judge(entry, target, late).why, miss_reason::not_coherent) << "a coarse clock is late";
}

TEST_F(Freshness, AThrottledRecordIsServedWithoutTrust) {
  trusted_until = at(0s);
  entry.throttled = true;
  EXPECT_EQ(judge_at(59s).standing, fresh);
  EXPECT_EQ(judge_at(60s).standing, gone) << "the stale window counts from the end of the trust";
}

TEST_F(Freshness, MayBeBehindAReadThatWasNotKept) {
  watermark = at(5s);
  uncached_reads.note(agent.hash(), at(7s));
  EXPECT_EQ(judge_at(8s).why, miss_reason::not_coherent);
  watermark = at(8s);
  EXPECT_EQ(judge_at(8s).standing, fresh) << "the relay has reported what that read saw";
}

TEST_F(Freshness, AStaleRecordIsServableWithinThePolicysWindow) {
  EXPECT_FALSE(judge_at(59s).servable_stale(*rules, at(59s))) << "it is fresh";
  EXPECT_TRUE(judge_at(70s).servable_stale(*rules, at(70s)));
  EXPECT_FALSE(judge_at(70s).servable_stale(policy{}, at(70s)));
  EXPECT_FALSE(judge_at(70s).servable_stale(policy{.stale_while_revalidate = 10s}, at(70s)));
}

}  // namespace
}  // namespace strata::detail
