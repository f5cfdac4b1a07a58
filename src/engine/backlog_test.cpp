#include "engine/backlog.hpp"
#include "tests/attack/colliding_names.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using namespace strata;
using namespace strata::detail;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

TEST(Backlog, CostsTheSameForKeysThatAnAttackerMade) {
  const auto seconds_of = [](const std::vector<std::string>& keys) {
    return attack::thread_seconds([&] {
      backlog kept({});
      for (const auto& each : keys) kept.add(invalidation_kind::removed, each, 1);
      EXPECT_EQ(kept.size(), keys.size());
    });
  };
  const auto usual = seconds_of(attack::random_names(3'000));
  EXPECT_LT(seconds_of(attack::colliding_names(3'000)), 8 * usual);
}

TEST(Backlog, KeepsEachOfThemOnce) {
  backlog kept({});
  for (commit_time t = 1; t <= 3; ++t) {
    kept.add(invalidation_kind::removed, "a", t);
    kept.add(invalidation_kind::expired, "b", t);
    kept.add(invalidation_kind::pattern, "a*", t);
    kept.add({.bucket = 7, .asof = t});
    kept.add({.bucket = 7, .asof = t, .soft = true});
  }
  EXPECT_EQ(kept.size(), 5u);
  const auto load = kept.take();
  EXPECT_THAT(load.removed, ElementsAre("a"));
  EXPECT_THAT(load.expired, ElementsAre("b"));
  EXPECT_THAT(load.patterns, ElementsAre("a*"));
  ASSERT_EQ(load.floors.size(), 2u);
  EXPECT_EQ(load.floors[0].asof, 3u);
  EXPECT_NE(load.floors[0].soft, load.floors[1].soft);
  EXPECT_EQ(load.at_least, 3u);
  EXPECT_FALSE(load.everything);
  EXPECT_TRUE(kept.empty());
  EXPECT_EQ(kept.bytes(), 0u);
}

TEST(Backlog, RemovesWhatIsBothRemovedAndExpired) {
  backlog kept({});
  kept.add(invalidation_kind::expired, "a", 1);
  kept.add(invalidation_kind::removed, "a", 2);
  kept.add(invalidation_kind::removed, "b", 3);
  kept.add(invalidation_kind::expired, "b", 4);
  const auto load = kept.take();
  EXPECT_THAT(load.removed, UnorderedElementsAre("a", "b"));
  EXPECT_THAT(load.expired, IsEmpty());
}

TEST(Backlog, APatternIsNotTheKeyOfTheSameText) {
  backlog kept({});
  kept.add(invalidation_kind::removed, "a*", 1);
  kept.add(invalidation_kind::pattern, "a*", 1);
  const auto load = kept.take();
  EXPECT_THAT(load.removed, ElementsAre("a*"));
  EXPECT_THAT(load.patterns, ElementsAre("a*"));
}

TEST(Backlog, ClearsEverythingWhenThereAreTooMany) {
  backlog kept({.count = 3, .bytes = {1u << 20}});
  for (const auto* each : {"a", "b", "c"}) kept.add(invalidation_kind::removed, each, 9);
  EXPECT_EQ(kept.overflows(), 0u);
  kept.add(invalidation_kind::removed, "d", 8);
  EXPECT_EQ(kept.overflows(), 1u);
  EXPECT_EQ(kept.size(), 1u);
  kept.add(invalidation_kind::removed, "e", 10);
  EXPECT_EQ(kept.size(), 1u);
  const auto load = kept.take();
  EXPECT_TRUE(load.everything);
  EXPECT_EQ(load.at_least, 10u);
  EXPECT_EQ(load.size(), 0u);
}

TEST(Backlog, ClearsEverythingWhenTheyAreTooLarge) {
  backlog kept({.count = 1000, .bytes = {1000}});
  kept.add(invalidation_kind::removed, std::string(2000, 'x'), 1);
  EXPECT_TRUE(kept.take().everything);
}

TEST(Backlog, ARootFloorCoversTheRest) {
  backlog kept({});
  kept.add(invalidation_kind::removed, "a", 1);
  kept.add({.bucket = floor_table::root, .asof = 5, .soft = true});
  EXPECT_EQ(kept.size(), 2u);
  kept.add({.bucket = floor_table::root, .asof = 6});
  EXPECT_EQ(kept.size(), 1u);
  EXPECT_TRUE(kept.take().everything);
}

TEST(Backlog, PutsBackWhatCouldNotBeTold) {
  backlog kept({});
  kept.add(invalidation_kind::removed, "a", 5);
  kept.add({.bucket = 1, .asof = 4});
  auto load = kept.take();
  kept.add(invalidation_kind::removed, "b", 6);
  kept.add({.bucket = 1, .asof = 7});
  kept.put_back(std::move(load));
  const auto again = kept.take();
  EXPECT_THAT(again.removed, UnorderedElementsAre("a", "b"));
  ASSERT_EQ(again.floors.size(), 1u);
  EXPECT_EQ(again.floors[0].asof, 7u);
  EXPECT_EQ(again.at_least, 7u);
}

TEST(Backlog, PutsBackThatEverythingIsToBeCleared) {
  backlog kept({});
  kept.clear_everything(5);
  auto load = kept.take();
  kept.add(invalidation_kind::removed, "b", 6);
  kept.put_back(std::move(load));
  EXPECT_EQ(kept.size(), 1u);
  EXPECT_TRUE(kept.take().everything);
}

}  // namespace
