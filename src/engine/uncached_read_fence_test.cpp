/// After a read that was returned and not cached, no older value is served.

#include "engine/uncached_read_fence.hpp"
#include "engine/two_stages_test_support.hpp"

#include <gtest/gtest.h>

namespace {

using namespace strata;
using namespace strata::engine_test;
using namespace std::chrono_literals;
using strata::testing::store_call;

time_point at(duration since) {
  return time_point(since);
}

TEST(UncachedReadFence, HoldsBackOlderValuesUntilTheWatermarkHasPassed) {
  detail::uncached_read_fence reads;
  EXPECT_FALSE(reads.may_be_older(7, time_point::min(), at(1s)));
  reads.note(7, at(5s));
  EXPECT_TRUE(reads.may_be_older(7, time_point::min(), at(1s)));
  EXPECT_TRUE(reads.may_be_older(7, at(5s), at(5s)))
      << "a change committed at that moment may not have been reported";
  EXPECT_FALSE(reads.may_be_older(7, at(6s), at(1s))) << "it was read later";
  EXPECT_FALSE(reads.may_be_older(7, time_point::min(), at(6s))) << "the older one is gone by now";
  EXPECT_FALSE(reads.may_be_older(8, time_point::min(), at(1s))) << "another key";
  reads.note(7, at(3s));
  EXPECT_TRUE(reads.may_be_older(7, at(4s), at(4s))) << "the latest counts";
}

TEST(UncachedReadFence, SparesAKeptReadAndHoldsBackWhatMayBeOlder) {
  detail::uncached_read_fence reads;
  EXPECT_FALSE(reads.is_before_kept(7, 0));
  EXPECT_TRUE(reads.note_kept(7, 5, at(1s), at(2s)));
  EXPECT_FALSE(reads.may_be_older(7, at(1s), at(0s), at(2s))) << "it is the latest itself";
  EXPECT_TRUE(reads.may_be_older(7, at(1s), at(0s)));
  EXPECT_TRUE(reads.is_before_kept(7, 4));
  EXPECT_FALSE(reads.is_before_kept(7, 5));
  EXPECT_FALSE(reads.is_before_kept(8, 4)) << "another key";
  EXPECT_FALSE(reads.note_kept(7, 6, at(1500ms), at(3s))) << "what ended meanwhile may be newer";
  EXPECT_TRUE(reads.may_be_older(7, at(1s), at(0s), at(2s))) << "it is no longer the latest";
}

TEST(UncachedReadFence, AKeptReadGivesWayToOneThatEndedBeforeItAndIsNotedAfterIt) {
  detail::uncached_read_fence reads;
  EXPECT_TRUE(reads.note_kept(7, 5, at(1s), at(2s)));
  reads.note(7, at(1900ms));
  EXPECT_TRUE(reads.may_be_older(7, at(1s), at(0s), at(2s)));
}

/// Process b has filled "old"; the source has "new" now, and no change has been reported yet.
struct Relayed : ::testing::Test {
  two_stages t{{.ttl = 60s, .jitter = 0}};

  void told(duration ago = 0s) {
    t.below_a->trust_until(t.a.time.now() + 30s, t.a.time.now() - ago);
    t.settle();
  }
  void SetUp() override {
    told();
    t.read(t.b, "old");
    t.advance(1s);
    told();
    t.advance(1s);
  }
  /// A reads from its source, and cannot keep what it gets.
  void read_unkept() {
    t.below_a->fail({.call = store_call::acquire, .times = 1});
    const auto read = t.read(t.a, "new");
    EXPECT_EQ(read->name, "new");
    EXPECT_FALSE(read.info().stored);
  }
};

TEST_F(Relayed, AReadThatWasNotKeptIsNotFollowedByAnOlderOneOfTheStore) {
  read_unkept();
  EXPECT_EQ(t.read(t.a, "new")->name, "new");
}

TEST_F(Relayed, NorByAnOlderOneOfMemory) {
  EXPECT_EQ(t.read(t.a, "never")->name, "old");
  std::vector<typed_key<agent>> keys{t.a.agents("1")};
  t.below_a->fail({.times = 3});
  const auto refreshed = sync_wait(t.a.store.refresh(t.a.agents("1"), [] { return agent{"1", "new"}; }));
  EXPECT_EQ(refreshed->name, "new");
  t.below_a->heal();
  EXPECT_FALSE(sync_wait(t.a.store.get(keys[0])));
  EXPECT_FALSE(sync_wait(t.a.store.get_many(keys))[0]);
  const auto many = sync_wait(t.a.store.get_or_set_many(
      keys, [](std::span<const std::size_t>) { return std::vector{std::optional(agent{"1", "newer"})}; }));
  EXPECT_EQ(many[0]->name, "newer");
}

TEST_F(Relayed, AnOlderOneThatStillStandsIsServedOnceTheSourceWasTold) {
  read_unkept();
  told(1ms);
  EXPECT_FALSE(sync_wait(t.a.store.get(t.a.agents("1"))));
  t.advance(1ms);
  told();
  EXPECT_EQ(sync_wait(t.a.store.get(t.a.agents("1")))->name, "old") << "it would have been removed by now";
}

TEST_F(Relayed, AnAnswerCountsAsOfItsQuestion) {
  t.below_a->delay({.call = store_call::get, .times = 1, .after = true});
  std::optional<lookup<agent>> got;
  start(&t.a.front, t.a.store.get(t.a.agents("1")),
        [&](completion<lookup<agent>> read) { got = std::move(*read); });
  t.settle();
  read_unkept();
  sync_wait(t.b.store.remove(t.b.agents("1")));  // … whose push overtakes the answer
  t.advance(1ms);
  told();
  t.below_a->let_go();
  t.settle();
  ASSERT_TRUE(got);
  EXPECT_FALSE(*got);
}

TEST_F(Relayed, WithoutARelayNothingIsHeldBack) {
  two_stages of({.ttl = 60s, .jitter = 0});
  of.read(of.b, "old");
  of.below_a->fail({.call = store_call::acquire, .times = 1});
  EXPECT_EQ(of.read(of.a, "new")->name, "new");
  EXPECT_EQ(of.read(of.a, "never")->name, "old");
}

}  // namespace
