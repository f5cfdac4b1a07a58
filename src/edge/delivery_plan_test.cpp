#include "edge/delivery_plan.hpp"
#include "edge/call_pacing.hpp"
#include "edge/proof.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace strata::edge_detail {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using kind = edge_purge_kind;

constexpr edge_limits roomy{.items = 100, .bytes = 10'000};

class DeliveryPlan : public testing::Test {
 protected:
  void add(std::int64_t id, std::string tag, duration at, bool soft = false) {
    plan_.add({.what = {.kind = kind::tag, .value = std::move(tag), .soft = soft}, .id = id}, begin_ + at);
  }
  std::vector<std::string> next(duration at, edge_limits limits = roomy) {
    last_ = plan_.next(begin_ + at, limits);
    return last_ ? last_->batch.values : std::vector<std::string>();
  }
  time_point begin_{1h};
  delivery_plan plan_{350ms};
  std::optional<delivery> last_;
};

TEST_F(DeliveryPlan, SendsNothingBeforeLocalCachesHaveDroppedIt) {
  add(1, "a", 0ms);
  EXPECT_THAT(next(349ms), ElementsAre());
  EXPECT_THAT(next(350ms), ElementsAre("a"));
  EXPECT_EQ(last_->covered, begin_ + 350ms);
  EXPECT_THAT(last_->ids, ElementsAre(1));
  plan_.succeeded();
  EXPECT_EQ(plan_.size(), 0u);
}

TEST_F(DeliveryPlan, MergesPurgesOfOneName) {
  add(1, "a", 0ms);
  add(2, "b", 1ms);
  add(3, "a", 2ms);
  EXPECT_EQ(plan_.size(), 2u);
  EXPECT_THAT(next(400ms), ElementsAre("a", "b"));
  EXPECT_THAT(last_->ids, ElementsAre(3, 2));
}

TEST_F(DeliveryPlan, SendsABusyTagInTimeAndOnceMoreForItsLaterChanges) {
  add(1, "a", 0ms);
  add(2, "a", 300ms);
  EXPECT_THAT(next(350ms), ElementsAre("a"));
  EXPECT_THAT(last_->ids, ElementsAre()) << "the row of the later change stays";
  plan_.succeeded();
  EXPECT_THAT(next(649ms), ElementsAre());
  EXPECT_THAT(next(650ms), ElementsAre("a"));
  EXPECT_THAT(last_->ids, ElementsAre(2));
}

TEST_F(DeliveryPlan, KeepsWhatChangesWhileItsPurgeIsOnItsWay) {
  add(1, "a", 0ms);
  EXPECT_THAT(next(350ms), ElementsAre("a"));
  add(2, "a", 360ms);
  plan_.succeeded();
  EXPECT_THAT(next(710ms), ElementsAre("a"));
  EXPECT_THAT(last_->ids, ElementsAre(2));
}

TEST_F(DeliveryPlan, RepeatsAFailedCallInTheOldOrder) {
  add(1, "a", 0ms);
  add(2, "b", 1ms);
  add(3, "c", 2ms);
  EXPECT_THAT(next(400ms, {.items = 2, .bytes = 100}), ElementsAre("a", "b"));
  add(4, "b", 401ms);
  plan_.failed();
  EXPECT_EQ(plan_.size(), 3u);
  EXPECT_THAT(next(1s, {.items = 1, .bytes = 100}), ElementsAre("a"));
}

TEST_F(DeliveryPlan, StaysWithinTheLimitsOfTheEdge) {
  for (int i = 0; i < 250; ++i) add(i + 1, "t" + std::to_string(i), 0ms);
  EXPECT_EQ(next(1s).size(), 100u);
  plan_.succeeded();
  EXPECT_EQ(next(1s).size(), 100u);
  plan_.succeeded();
  EXPECT_EQ(next(1s).size(), 50u);
  plan_.succeeded();
  add(1, "a b", 0ms);  // 5 bytes as it is sent
  add(2, "c", 0ms);
  EXPECT_THAT(next(1s, {.items = 9, .bytes = 5}), ElementsAre("a b"));
  plan_.succeeded();
  add(3, "longer than the limit", 0ms);
  EXPECT_THAT(next(1s, {.items = 9, .bytes = 5}), ElementsAre("c"));
  plan_.succeeded();
  EXPECT_EQ(next(1s, {.items = 9, .bytes = 5}).size(), 1u) << "it goes alone";
}

TEST_F(DeliveryPlan, SendsKindsAndSoftnessApart) {
  add(1, "a", 0ms);
  add(2, "b", 0ms, true);
  plan_.add({.what = {.kind = kind::everything}, .id = 3}, begin_);
  add(4, "c", 0ms);
  EXPECT_THAT(next(1s), ElementsAre("a", "c"));
  EXPECT_FALSE(last_->batch.soft);
  plan_.succeeded();
  EXPECT_THAT(next(1s), ElementsAre("b"));
  EXPECT_TRUE(last_->batch.soft);
  plan_.succeeded();
  EXPECT_THAT(next(1s), ElementsAre());
  EXPECT_EQ(last_->batch.kind, kind::everything);
  EXPECT_THAT(last_->ids, ElementsAre(3));
}

TEST_F(DeliveryPlan, LetsAHardPurgeWinOverASoftOne) {
  add(1, "a", 0ms);
  add(2, "a", 0ms, true);
  EXPECT_THAT(next(1s), ElementsAre("a"));
  EXPECT_FALSE(last_->batch.soft);
}

TEST(CallPacing, LetsABurstThroughAndThenTheRate) {
  call_pacing pacing(10, 2);
  const time_point at(1h);
  EXPECT_TRUE(pacing.take(at));
  EXPECT_TRUE(pacing.take(at));
  EXPECT_FALSE(pacing.take(at));
  EXPECT_FALSE(pacing.take(at + 99ms));
  EXPECT_TRUE(pacing.take(at + 100ms));
  EXPECT_FALSE(pacing.take(at + 101ms));
}

TEST(CallPacing, PausesLongerAfterEachFailure) {
  call_pacing pacing(1000, 1000);
  time_point at(1h);
  const auto pause = [&](duration asked = {}) {
    pacing.failed(at, asked);
    const auto from = at;
    while (!pacing.take(at)) at += 50ms;
    return at - from;
  };
  EXPECT_EQ(pause(), 100ms);
  EXPECT_EQ(pause(), 200ms);
  EXPECT_EQ(pause(7s), 7s) << "as the edge asks";
  for (int i = 0; i < 10; ++i) pause();
  EXPECT_EQ(pause(), 5s);
  EXPECT_EQ(pause(1h), 60s);
  pacing.succeeded();
  EXPECT_EQ(pause(), 100ms);
}

edge_response shown(int status, std::vector<std::pair<std::string, std::string>> fields) {
  return {.trouble = {}, .status = status, .fields = std::move(fields), .body = {}};
}

TEST(Proof, ReadsWhenTheResponseWasMade) {
  const wall_time covered(1'000'000ms);
  EXPECT_TRUE(proves(shown(200, {{"strata-asof", "1000000"}}), covered, 0s));
  EXPECT_TRUE(proves(shown(200, {{"strata-asof", "999750"}}), covered, 0s)) << "clocks differ";
  EXPECT_FALSE(proves(shown(200, {{"strata-asof", "999749"}}), covered, 0s));
  EXPECT_FALSE(proves(shown(200, {{"strata-asof", "1"}, {"age", "0"}}), covered, 0s));
}

TEST(Proof, ReadsAgeWithoutIt) {
  EXPECT_TRUE(proves(shown(200, {{"age", "0"}}), {}, 10ms));
  EXPECT_FALSE(proves(shown(200, {{"age", "1"}}), {}, 999ms));
  EXPECT_TRUE(proves(shown(200, {{"age", "1"}}), {}, 1s));
  EXPECT_TRUE(proves(shown(404, {}), {}, 0s)) << "no cache has touched it";
  EXPECT_FALSE(proves(shown(503, {}), {}, 0s));
  EXPECT_FALSE(proves({.trouble = "refused", .status = 0, .fields = {}, .body = {}}, {}, 0s));
}

}  // namespace
}  // namespace strata::edge_detail
