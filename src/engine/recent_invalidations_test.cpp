#include "engine/recent_invalidations.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using namespace std::chrono_literals;
using namespace strata;
using namespace strata::detail;
using ::testing::ElementsAre;
using ::testing::UnorderedElementsAre;

struct RecentInvalidations : ::testing::Test {
  recent_invalidations recent{10min, {.count = 3, .bytes = {1u << 20}}};
  time_point now{100s};

  backlog::load replayed() {
    backlog into({});
    recent.replay(into, 42, now);
    return into.take();
  }
};

TEST_F(RecentInvalidations, AreReplayedByKind) {
  recent.note(invalidation_kind::removed, "a", now);
  recent.note(invalidation_kind::expired, "b", now);
  recent.note(invalidation_kind::pattern, "c*", now);
  const auto load = replayed();
  EXPECT_THAT(load.removed, ElementsAre("a"));
  EXPECT_THAT(load.expired, ElementsAre("b"));
  EXPECT_THAT(load.patterns, ElementsAre("c*"));
  EXPECT_EQ(load.at_least, 42u);
  EXPECT_FALSE(load.everything);
}

TEST_F(RecentInvalidations, AreForgottenAfterTheirTime) {
  recent.note(invalidation_kind::removed, "a", now);
  now += 5min;
  recent.note(invalidation_kind::removed, "b", now);
  now += 5min;
  EXPECT_THAT(replayed().removed, ElementsAre("b"));
  EXPECT_EQ(recent.size(), 1u);
}

TEST_F(RecentInvalidations, AKeyInvalidatedAgainStaysLongerAndTakesNoMoreRoom) {
  recent.note(invalidation_kind::removed, "a", now);
  recent.note(invalidation_kind::removed, "b", now);
  for (int i = 0; i < 100; ++i) recent.note(invalidation_kind::removed, "a", now + 5min);
  now += 10min;
  const auto load = replayed();
  EXPECT_THAT(load.removed, ElementsAre("a"));
  EXPECT_FALSE(load.everything);
}

TEST_F(RecentInvalidations, ClearEverythingWhenSomeHadToBeForgotten) {
  for (const auto* each : {"a", "b", "c", "d"}) recent.note(invalidation_kind::removed, each, now);
  EXPECT_TRUE(replayed().everything);
  now += 9min;
  recent.note(invalidation_kind::removed, "e", now);
  EXPECT_TRUE(replayed().everything);
  now += 1min;
  const auto load = replayed();
  EXPECT_FALSE(load.everything);
  EXPECT_THAT(load.removed, UnorderedElementsAre("e"));
}

}  // namespace
