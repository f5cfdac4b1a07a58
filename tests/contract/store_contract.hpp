#pragma once
/// The contract of every store (include/strata/store.hpp) as one suite:
///
///   struct memory_under_test {
///     static void start_servers();           // optional: once, before the first test of the suite
///     static void stop_servers();            // likewise, after the last one
///     std::shared_ptr<store> connect();      // another connection to the same, at first empty, store
///     void advance(duration);                // lets the store's time pass
///     void settle();                         // optional: returns when every change is reported
///   };
///   INSTANTIATE_TYPED_TEST_SUITE_P(Memory, StoreContract, memory_under_test);
///
/// Long because a typed suite is declared in one file.

#include <strata/cache.hpp>
#include <strata/rate_limit_store.hpp>
#include <strata/store.hpp>

#include <gtest/gtest.h>
#include <mutex>
#include <set>
#include <thread>

namespace strata::contract {

using namespace std::chrono_literals;

/// A life that a test waits to end.
constexpr duration brief = 100ms;

/// Records the changes that a store reports.
class recording_observer final : public store_observer {
 public:
  void changed(std::string_view key) override {
    std::lock_guard lock(mutex_);
    changed_.emplace(key);
    removed_.emplace(key);
  }
  void replaced(std::string_view key) override {
    std::lock_guard lock(mutex_);
    changed_.emplace(key);
    replaced_.emplace(key);
  }
  void floor_raised(floor_entry floor) override {
    std::lock_guard lock(mutex_);
    floors_.push_back(floor);
  }
  void lost(bool) override {
    std::lock_guard lock(mutex_);
    ++losses_;
  }
  void trust_until(time_point when, time_point) override {
    std::lock_guard lock(mutex_);
    trusted_until_ = when;
  }
  /// Whether `key` may have been removed, or else only replaced.
  bool saw_removed(const std::string& key) const {
    std::lock_guard lock(mutex_);
    return removed_.contains(key);
  }
  bool saw_replaced(const std::string& key) const {
    std::lock_guard lock(mutex_);
    return replaced_.contains(key);
  }
  bool saw(const std::string& key) const {
    std::lock_guard lock(mutex_);
    return changed_.contains(key);
  }
  std::vector<floor_entry> floors() const {
    std::lock_guard lock(mutex_);
    return floors_;
  }
  time_point trusted_until() const {
    std::lock_guard lock(mutex_);
    return trusted_until_;
  }
  int losses() const {
    std::lock_guard lock(mutex_);
    return losses_;
  }

 private:
  mutable std::mutex mutex_;
  std::set<std::string> changed_, replaced_, removed_;
  std::vector<floor_entry> floors_;
  int losses_ = 0;
  time_point trusted_until_{};
};

template <class Store>
class StoreContract : public ::testing::Test {
 public:
  static void SetUpTestSuite() {
    if constexpr (requires { Store::start_servers(); }) Store::start_servers();
  }
  static void TearDownTestSuite() {
    if constexpr (requires { Store::stop_servers(); }) Store::stop_servers();
  }

  Store under_test;
  std::shared_ptr<store> one = under_test.connect();
  std::shared_ptr<store> two = under_test.connect();

  void settle() {
    if constexpr (requires { under_test.settle(); }) under_test.settle();
  }
  std::optional<stored_value> get(std::string_view key) { return *sync_wait(one->get(key)); }
  lease_token lease(std::string_view key, duration hold = 10s) {
    return sync_wait(one->acquire(key, hold, 0))->lease;
  }
  /// The store's counter, read from a lease.
  commit_time counter() {
    const auto held = *sync_wait(one->force_lease("of the counter", 10s, 0));
    sync_wait(one->release("of the counter", held.lease));
    return held.granted_at;
  }
  fill_result fill(std::string_view key, lease_token lease, commit_time asof, std::string_view bytes = "v",
                   duration ttl = 60s) {
    const fill_request request{.key = key, .lease = lease, .asof = asof, .bytes = bytes, .ttl = ttl};
    return *sync_wait(one->fill(request));
  }
  commit_time invalidate(std::vector<std::string> keys, commit_time at_least = 0) {
    return *sync_wait(one->invalidate(keys, at_least));
  }
};

TYPED_TEST_SUITE_P(StoreContract);

TYPED_TEST_P(StoreContract, GivesBackWhatWasFilled) {
  const std::string bytes("a\0b\xff", 4);
  ASSERT_EQ(this->fill("k", this->lease("k"), 7, bytes), fill_result::stored);
  const auto found = this->get("k");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->bytes, bytes);
  EXPECT_EQ(found->asof, 7u);
  EXPECT_GT(found->ttl, duration(50s));
  EXPECT_LE(found->ttl, duration(60s));
}

TYPED_TEST_P(StoreContract, ForgetsAfterTheTimeToLive) {
  this->fill("k", this->lease("k"), 1, "v", brief);
  this->under_test.advance(2 * brief);
  EXPECT_FALSE(this->get("k"));
}

TYPED_TEST_P(StoreContract, LeasesAKeyToOneAtATime) {
  const auto first = sync_wait(this->one->acquire("k", 10s, 0));
  EXPECT_NE(first->lease, 0u);
  EXPECT_TRUE(sync_wait(this->two->acquire("k", 10s, 0))->busy());
  EXPECT_NE(sync_wait(this->two->acquire("other", 10s, 0))->lease, 0u);
}

TYPED_TEST_P(StoreContract, GivesTheValueInsteadOfALease) {
  this->fill("k", this->lease("k"), 1, "v");
  const auto found = sync_wait(this->two->acquire("k", 10s, 0));
  ASSERT_TRUE(found->value);
  EXPECT_EQ(found->value->bytes, "v");
  EXPECT_EQ(found->lease, 0u);
}

TYPED_TEST_P(StoreContract, EndsALeaseByTimeReleaseAndFill) {
  this->lease("time", brief);
  this->under_test.advance(2 * brief);
  EXPECT_NE(this->lease("time"), 0u);
  const auto held = this->lease("release");
  sync_wait(this->one->release("release", held));
  EXPECT_NE(this->lease("release"), 0u);
  const auto filled = this->lease("fill");
  this->fill("fill", filled, 1);
  EXPECT_EQ(this->fill("fill", filled, 2), fill_result::lease_lost);
}

TYPED_TEST_P(StoreContract, ARenewedLeaseOutlivesItsHoldAndKeepsItsFloor) {
  const auto held = this->lease("k", 5 * brief);
  const auto floor = this->invalidate({"k"});
  EXPECT_TRUE(sync_wait(this->one->renew("k", held, 60s)).value());
  this->under_test.advance(6 * brief);
  EXPECT_TRUE(sync_wait(this->two->acquire("k", 10s, 0))->busy());
  EXPECT_EQ(this->fill("k", held, floor - 1), fill_result::below_floor);
}

TYPED_TEST_P(StoreContract, RenewsNoLeaseThatIsLost) {
  EXPECT_FALSE(sync_wait(this->one->renew("k", 12345, 10s)).value()) << "there is none";
  const auto held = this->lease("k");
  EXPECT_FALSE(sync_wait(this->two->renew("k", held + 1, 10s)).value());
  const auto writer = sync_wait(this->two->force_lease("k", 10s, 0))->lease;
  EXPECT_FALSE(sync_wait(this->one->renew("k", held, 10s)).value()) << "another has taken it";
  EXPECT_TRUE(sync_wait(this->two->renew("k", writer, 10s)).value());
  const auto brief_one = this->lease("time", brief);
  this->under_test.advance(2 * brief);
  EXPECT_FALSE(sync_wait(this->one->renew("time", brief_one, 10s)).value()) << "it has ended";
}

TYPED_TEST_P(StoreContract, TellsTheTimeWhenItRefusesALease) {
  this->fill("both", this->lease("both"), 1);
  this->lease("k");
  this->lease("both");
  sync_wait(this->two->take_lease("both", 10s, 0));
  const auto before = this->invalidate({"other"});
  const auto missed = sync_wait(this->two->acquire("k", 10s, before + 5));
  const auto taken = sync_wait(this->two->take_lease("both", 10s, 0));
  const auto after = this->invalidate({"other"});
  ASSERT_TRUE(missed->busy());
  EXPECT_GE(missed->granted_at, before);
  EXPECT_LT(missed->granted_at, after);
  ASSERT_EQ(taken->lease, 0u);
  EXPECT_GE(taken->granted_at, before);
  EXPECT_LT(taken->granted_at, after);
}

TYPED_TEST_P(StoreContract, ReleasesNobodyElsesLease) {
  const auto held = this->lease("k");
  sync_wait(this->two->release("k", held + 1));
  EXPECT_TRUE(sync_wait(this->two->acquire("k", 10s, 0))->busy());
}

TYPED_TEST_P(StoreContract, RefusesAFillWithoutTheLease) {
  EXPECT_EQ(this->fill("k", 12345, 9), fill_result::lease_lost);
  const auto held = this->lease("k", brief);
  this->under_test.advance(2 * brief);
  EXPECT_EQ(this->fill("k", held, 9), fill_result::lease_lost);
  EXPECT_FALSE(this->get("k"));
}

TYPED_TEST_P(StoreContract, AForcedLeaseVoidsTheOther) {
  const auto reader = this->lease("k");
  const auto writer = sync_wait(this->two->force_lease("k", 10s, 0))->lease;
  EXPECT_EQ(this->fill("k", reader, 5), fill_result::lease_lost);
  const fill_request request{.key = "k", .lease = writer, .asof = 6, .bytes = "w", .ttl = 60s};
  EXPECT_EQ(*sync_wait(this->two->fill(request)), fill_result::stored);
}

TYPED_TEST_P(StoreContract, AForcedLeaseLeavesTheValueReadable) {
  this->fill("k", this->lease("k"), 5, "old");
  EXPECT_TRUE(sync_wait(this->two->force_lease("k", 10s, 0)));
  EXPECT_EQ(this->get("k")->bytes, "old");
}

TYPED_TEST_P(StoreContract, RefusesAFillOlderThanAnInvalidationInFlight) {
  const auto held = this->lease("k");
  const auto floor = this->invalidate({"k"});
  EXPECT_EQ(this->fill("k", held, floor - 1), fill_result::below_floor);
  EXPECT_FALSE(this->get("k"));
  const auto again = this->lease("k");
  const auto higher = this->invalidate({"k"});
  EXPECT_EQ(this->fill("k", again, higher), fill_result::stored);
}

TYPED_TEST_P(StoreContract, RefusesAFillOlderThanWhatIsStored) {
  this->fill("k", this->lease("k"), 10, "new");
  const auto writer = sync_wait(this->one->force_lease("k", 10s, 0))->lease;
  EXPECT_EQ(this->fill("k", writer, 9, "old"), fill_result::older);
  EXPECT_EQ(this->get("k")->bytes, "new");
}

TYPED_TEST_P(StoreContract, InvalidatesWhatASlowerClockCannotKnowOf) {
  // The counter of the other process is at 101. Ours is at 7 and does not know.
  const auto ahead = sync_wait(this->two->acquire("k", 10s, 101));
  EXPECT_EQ(ahead->granted_at, 101u);
  const fill_request request{
      .key = "k", .lease = ahead->lease, .asof = ahead->granted_at, .bytes = "old", .ttl = 60s};
  ASSERT_EQ(*sync_wait(this->two->fill(request)), fill_result::stored);
  EXPECT_GT(this->invalidate({"k"}, 7), 101u);
  EXPECT_FALSE(this->get("k"));
}

TYPED_TEST_P(StoreContract, FencesTheFillOfAClockAheadOfTheInvalidation) {
  const auto ahead = sync_wait(this->two->acquire("k", 10s, 101));
  const auto floor = this->invalidate({"k"}, 7);
  EXPECT_GT(floor, ahead->granted_at);
  EXPECT_EQ(this->fill("k", ahead->lease, ahead->granted_at), fill_result::below_floor);
}

TYPED_TEST_P(StoreContract, NeverCountsBack) {
  commit_time last = 0;
  const auto rises = [&](commit_time now, bool invalidated) {
    EXPECT_TRUE(invalidated ? now > last : now >= last) << now << " after " << last;
    last = now;
  };
  const std::vector<std::string> keys{"a", "b"};
  const std::vector<floor_entry> floors{{1, 3}, {2, 5, true}};
  for (int round = 0; round < 3; ++round) {
    rises(sync_wait(this->one->acquire("lease", brief, 2))->granted_at, false);
    rises(sync_wait(this->two->force_lease("lease", brief, 40))->granted_at, false);
    rises(*sync_wait(this->two->invalidate(keys, 1)), true);
    rises(*sync_wait(this->one->expire(keys, 1)), true);
    rises(sync_wait(this->two->invalidate_matching("a*", 1))->floor, true);
    rises(*sync_wait(this->one->raise(floors)), true);
    rises(*sync_wait(this->two->clear(1)), true);
    rises(this->counter(), false);
    this->under_test.advance(2 * brief);
  }
}

TYPED_TEST_P(StoreContract, IsLiftedByEveryCallerWhoKnowsMore) {
  const std::vector<std::string> keys{"k"};
  EXPECT_EQ(sync_wait(this->one->acquire("a", 10s, 100))->granted_at, 100u);
  EXPECT_EQ(sync_wait(this->one->acquire_many(keys, 10s, 200))->front().granted_at, 200u);
  EXPECT_EQ(sync_wait(this->one->force_lease("k", 10s, 300))->granted_at, 300u);
  EXPECT_EQ(sync_wait(this->one->take_lease("b", 10s, 400))->granted_at, 400u);
  this->fill("a", 12345, 500);
  EXPECT_EQ(this->counter(), 500u);
  EXPECT_EQ(this->invalidate({"k"}, 600), 600u);
  EXPECT_EQ(*sync_wait(this->one->expire(keys, 700)), 700u);
  EXPECT_EQ(sync_wait(this->one->invalidate_matching("z*", 800))->floor, 800u);
  const std::vector<floor_entry> floors{{1, 900}};
  EXPECT_EQ(*sync_wait(this->one->raise(floors)), 900u);
  const std::vector<floor_entry> known{{1, 950}};
  sync_wait(this->one->restore(known));
  EXPECT_EQ(this->counter(), 950u);
  EXPECT_EQ(*sync_wait(this->one->clear(1000)), 1000u);
}

TYPED_TEST_P(StoreContract, ExpiresAndSparesTheBytes) {
  this->fill("k", this->lease("k"), 50);
  const std::vector<std::string> keys{"k"};
  EXPECT_GT(*sync_wait(this->two->expire(keys, 7)), 50u);
  ASSERT_TRUE(this->get("k"));
  EXPECT_TRUE(this->get("k")->expired);
}

TYPED_TEST_P(StoreContract, LeavesNoTombstoneForAnAbsentKey) {
  this->invalidate({"k"});
  EXPECT_EQ(this->fill("k", this->lease("k"), 1), fill_result::stored);
}

TYPED_TEST_P(StoreContract, RefusesACacheOfAnotherNameSpace) {
  const std::string served(this->one->name_space());
  ASSERT_FALSE(served.empty());
  try {
    const cache wrong({.second_level = this->one, .name_space = served + "-2"});
    ADD_FAILURE() << "the cache was made";
  } catch (const bad_options& refused) {
    EXPECT_EQ(refused.problems(), std::vector{"cache_options.name_space is \"" + served +
                                              "-2\", but second_level serves \"" + served + '"'});
  }
  const cache right({.second_level = this->one, .name_space = served});
}

TYPED_TEST_P(StoreContract, GivesATakenValueToOneCaller) {
  this->fill("k", this->lease("k"), 5, "once");
  EXPECT_TRUE(*sync_wait(this->two->get("k")));  // a reader is notified
  this->settle();
  recording_observer theirs;
  this->two->observe(theirs);
  const auto first = *sync_wait(this->one->take("k", 70));
  ASSERT_TRUE(first.value);
  EXPECT_EQ(first.value->bytes, "once");
  EXPECT_EQ(first.value->asof, 5u);
  EXPECT_FALSE(first.value->expired);
  EXPECT_GE(first.floor, 70u);
  EXPECT_FALSE(sync_wait(this->two->take("k", 0))->value);
  EXPECT_FALSE(this->get("k"));
  this->settle();
  EXPECT_TRUE(theirs.saw_removed("k"));
  this->two->unobserve(theirs);
}

TYPED_TEST_P(StoreContract, FencesFillsWhenItGivesAValueAway) {
  const auto held = this->lease("k");
  const auto taken = *sync_wait(this->two->take("k", 0));
  EXPECT_FALSE(taken.value);
  EXPECT_EQ(this->fill("k", held, taken.floor - 1), fill_result::below_floor);
}

TYPED_TEST_P(StoreContract, GivesAValueToOneOfManyThreads) {
  for (int round = 0; round < 20; ++round) {
    const auto key = "k" + std::to_string(round);
    this->fill(key, this->lease(key), 5);
    std::atomic<int> got = 0;
    {
      std::vector<std::jthread> takers;
      for (auto* from : {&this->one, &this->two, &this->one, &this->two}) {
        takers.emplace_back([&got, from, &key] { got += sync_wait((*from)->take(key, 0))->value ? 1 : 0; });
      }
    }
    EXPECT_EQ(got, 1) << round;
  }
}

TYPED_TEST_P(StoreContract, InvalidatesByGlob) {
  for (const auto* key : {"a:1", "a:2", "b:1"}) this->fill(key, this->lease(key), 1);
  const auto held = this->lease("a:3");
  EXPECT_EQ(sync_wait(this->one->invalidate_matching("a:*", 5))->removed, 2u);
  EXPECT_FALSE(this->get("a:1"));
  EXPECT_TRUE(this->get("b:1"));
  EXPECT_EQ(this->fill("a:3", held, 1), fill_result::below_floor);
}

TYPED_TEST_P(StoreContract, AnswersBatchesInOrder) {
  const std::vector<std::string> keys{"a", "b", "a", "c"};
  this->fill("b", this->lease("b"), 1, "B");
  const auto found = *sync_wait(this->one->get_many(keys));
  ASSERT_EQ(found.size(), 4u);
  EXPECT_FALSE(found[0]);
  EXPECT_EQ(found[1]->bytes, "B");
  const auto leased = *sync_wait(this->one->acquire_many(keys, 10s, 0));
  EXPECT_NE(leased[0].lease, 0u);
  EXPECT_TRUE(leased[1].value);
  EXPECT_TRUE(leased[2].busy());
  const std::vector<fill_request> fills{
      {.key = "a", .lease = leased[0].lease, .asof = 1, .bytes = "A", .ttl = 60s},
      {.key = "c", .lease = leased[3].lease + 99, .asof = 1, .bytes = "C", .ttl = 60s}};
  const auto filled = *sync_wait(this->one->fill_many(fills));
  EXPECT_EQ(filled, (std::vector{fill_result::stored, fill_result::lease_lost}));
  EXPECT_EQ(this->get("a")->bytes, "A");
}

TYPED_TEST_P(StoreContract, ForcesTheLeasesOfABatch) {
  const std::vector<std::string> keys{"a", "b"};
  const auto before = this->lease("a");
  this->fill("b", this->lease("b"), 1, "old");
  const auto forced = *sync_wait(this->two->force_lease_many(keys, 10s, 70));
  ASSERT_EQ(forced.size(), 2u);
  EXPECT_GE(forced[0].granted_at, 70u);
  EXPECT_EQ(this->fill("a", before, 80), fill_result::lease_lost) << "the holder before has lost it";
  EXPECT_EQ(this->get("b")->bytes, "old") << "the value stays";
  const std::vector<fill_request> fills{
      {.key = "a", .lease = forced[0].lease, .asof = forced[0].granted_at, .bytes = "A", .ttl = 60s},
      {.key = "b", .lease = forced[1].lease, .asof = forced[1].granted_at, .bytes = "B", .ttl = 60s}};
  EXPECT_EQ(*sync_wait(this->two->fill_many(fills)), (std::vector{fill_result::stored, fill_result::stored}));
  EXPECT_EQ(this->get("a")->bytes, "A");
  EXPECT_EQ(this->get("b")->bytes, "B");
}

TYPED_TEST_P(StoreContract, TouchesOnlyWhatIsThere) {
  this->fill("k", this->lease("k"), 1, "v", 2s);
  EXPECT_TRUE(*sync_wait(this->one->touch("k", 60s)));
  this->under_test.advance(2100ms);
  EXPECT_TRUE(this->get("k"));
  EXPECT_FALSE(*sync_wait(this->one->touch("absent", 60s)));
}

using known_floors = std::set<std::tuple<std::uint32_t, commit_time, bool>>;
inline known_floors floors_of(store& from) {
  known_floors known;
  for (const auto& each : *sync_wait(from.floors())) known.emplace(each.bucket, each.asof, each.soft);
  return known;
}

TYPED_TEST_P(StoreContract, RaisesFloorsAboveAllThatIsStored) {
  this->fill("k", this->lease("k"), 50);
  const std::vector<floor_entry> first{{1, 10}, {2, 5}, {2, 5, true}};
  const auto high = *sync_wait(this->one->raise(first));
  EXPECT_EQ(high, 51u);
  const std::vector<floor_entry> second{{1, 7}, {3, 1}};
  const auto higher = *sync_wait(this->two->raise(second));
  EXPECT_EQ(higher, 52u);
  EXPECT_EQ(floors_of(*this->one),
            (known_floors{{1, higher, false}, {2, high, false}, {2, high, true}, {3, higher, false}}));
}

TYPED_TEST_P(StoreContract, AppliesKeysAndFloorsTogether) {
  recording_observer theirs;
  this->two->observe(theirs);
  const std::vector<std::string> keys{"stored", "leased"};
  this->fill("stored", this->lease("stored"), 50);
  const auto held = this->lease("leased");
  const std::vector<floor_entry> floors{{1, 3}, {2, 3, true}};
  const auto floor = *sync_wait(this->one->apply({.keys = keys, .floors = floors, .at_least = 70}));
  EXPECT_GE(floor, 70u);
  EXPECT_EQ(this->counter(), floor);
  EXPECT_FALSE(this->get("stored"));
  EXPECT_EQ(this->fill("leased", held, 69), fill_result::below_floor);
  for (const auto& [bucket, asof, soft] : floors_of(*this->one)) {
    EXPECT_TRUE(asof >= 70 && asof <= floor) << asof;
    EXPECT_EQ(soft, bucket == 2);
  }
  EXPECT_EQ(floors_of(*this->one).size(), 2u);
  this->settle();
  EXPECT_TRUE(theirs.saw("stored"));
  EXPECT_EQ(theirs.floors().size(), 2u);
  this->two->unobserve(theirs);
}

TYPED_TEST_P(StoreContract, AppliesSoftlyToKeys) {
  const std::vector<std::string> keys{"k"};
  this->fill("k", this->lease("k"), 50);
  const std::vector<floor_entry> floors{{1, 3, true}};
  EXPECT_GT(*sync_wait(this->one->apply({.keys = keys, .floors = floors, .soft = true})), 50u);
  ASSERT_TRUE(this->get("k"));
  EXPECT_TRUE(this->get("k")->expired);
  EXPECT_TRUE(std::get<bool>(*floors_of(*this->one).begin()));
}

TYPED_TEST_P(StoreContract, AppliesKeysAloneAndFloorsAlone) {
  this->fill("k", this->lease("k"), 50);
  const std::vector<std::string> keys{"k"};
  EXPECT_EQ(*sync_wait(this->one->apply({.keys = keys, .at_least = 60})), 60u);
  EXPECT_FALSE(this->get("k"));
  const std::vector<floor_entry> floors{{1, 65}};
  EXPECT_EQ(*sync_wait(this->one->apply({.floors = floors, .at_least = 70})), 70u);
  EXPECT_EQ(floors_of(*this->one), (known_floors{{1, 70, false}}));
}

TYPED_TEST_P(StoreContract, RestoresFloorsAsTheyWere) {
  const std::vector<floor_entry> first{{1, 10}, {2, 20}};
  sync_wait(this->one->restore(first));
  const std::vector<floor_entry> second{{1, 15}, {2, 5}, {3, 1, true}};
  sync_wait(this->two->restore(second));
  EXPECT_EQ(floors_of(*this->one), (known_floors{{1, 15, false}, {2, 20, false}, {3, 1, true}}));
  EXPECT_EQ(this->counter(), 20u);
}

TYPED_TEST_P(StoreContract, ClearsAllButTheFloorsAndTheCounter) {
  const std::vector<floor_entry> floors{{1, 10}};
  sync_wait(this->one->restore(floors));
  const auto held = this->lease("leased");
  this->fill("k", this->lease("k"), 50);
  EXPECT_GT(*sync_wait(this->two->clear(1)), 50u);
  EXPECT_FALSE(this->get("k"));
  EXPECT_EQ(this->fill("leased", held, 90), fill_result::lease_lost);
  EXPECT_EQ(floors_of(*this->one), (known_floors{{1, 10, false}}));
}

TYPED_TEST_P(StoreContract, KeepsRecordsWithoutLeases) {
  sync_wait(this->one->put("r", "one", 60s));
  sync_wait(this->two->put("r", "two", 60s));
  EXPECT_EQ(this->get("r")->bytes, "two");
  EXPECT_TRUE(*sync_wait(this->one->remove("r")));
  EXPECT_FALSE(*sync_wait(this->one->remove("r")));
  EXPECT_FALSE(this->get("r"));
}

TYPED_TEST_P(StoreContract, TellsOthersWhatChangedAndNotItsMaker) {
  recording_observer mine;
  recording_observer theirs;
  this->one->observe(mine);
  this->two->observe(theirs);
  EXPECT_FALSE(*sync_wait(this->two->get("filled")));  // a reader is notified
  this->fill("filled", this->lease("filled"), 1);
  this->invalidate({"invalidated"}, 1);
  const std::vector<floor_entry> floors{{4, 2}};
  const auto raised = *sync_wait(this->one->raise(floors));
  this->settle();
  EXPECT_TRUE(theirs.saw("filled"));
  EXPECT_TRUE(theirs.saw("invalidated"));
  ASSERT_EQ(theirs.floors().size(), 1u);
  EXPECT_EQ(theirs.floors().front().asof, raised);
  EXPECT_GT(theirs.trusted_until(), time_point{});
  EXPECT_FALSE(mine.saw("filled"));
  EXPECT_TRUE(mine.floors().empty());
  this->two->unobserve(theirs);
  this->invalidate({"later"}, 1);
  this->settle();
  EXPECT_FALSE(theirs.saw("later"));
  this->one->unobserve(mine);
}

TYPED_TEST_P(StoreContract, SaysWhichChangesWereNoRemovals) {
  const std::vector<std::string> keys{"filled", "expired", "removed", "matched"};
  for (const auto& key : keys) this->fill(key, this->lease(key), 1);
  for (const auto& key : keys) EXPECT_TRUE(*sync_wait(this->two->get(key)));  // a reader is notified
  this->settle();
  recording_observer theirs;
  this->two->observe(theirs);
  this->fill("filled", sync_wait(this->one->force_lease("filled", 10s, 0))->lease, 2);
  sync_wait(this->one->expire(std::vector<std::string>{"expired"}, 0));
  this->invalidate({"removed"});
  sync_wait(this->one->invalidate_matching("mat*d", 0));
  this->settle();
  EXPECT_TRUE(theirs.saw_replaced("filled"));
  EXPECT_FALSE(theirs.saw_removed("filled"));
  EXPECT_TRUE(theirs.saw_replaced("expired"));
  EXPECT_FALSE(theirs.saw_removed("expired"));
  EXPECT_TRUE(theirs.saw_removed("removed"));
  EXPECT_TRUE(theirs.saw_removed("matched"));
  this->two->unobserve(theirs);
}

TYPED_TEST_P(StoreContract, TellsEveryoneWhenAllIsGone) {
  recording_observer mine;
  recording_observer theirs;
  this->one->observe(mine);
  this->two->observe(theirs);
  this->fill("k", this->lease("k"), 1);
  sync_wait(this->one->clear(0));
  this->settle();
  EXPECT_FALSE(this->get("k"));
  // A store that loses a connection meanwhile reports that, too.
  EXPECT_GE(mine.losses(), 1);
  EXPECT_GE(theirs.losses(), 1);
  this->one->unobserve(mine);
  this->two->unobserve(theirs);
}

TYPED_TEST_P(StoreContract, MovesTheMarkForWhoeverSawTheOneBefore) {
  const auto first = *sync_wait(this->one->read_watermark());
  EXPECT_EQ(first.value, 0u);
  const auto second = *sync_wait(this->one->advance_watermark(first));
  ASSERT_TRUE(second);
  EXPECT_GT(second->value, first.value);
  EXPECT_EQ(second->life, first.life);
  EXPECT_FALSE(*sync_wait(this->two->advance_watermark(first)));
  EXPECT_FALSE(*sync_wait(this->two->advance_watermark({.value = second->value, .life = "another"})));
  EXPECT_EQ(*sync_wait(this->two->read_watermark()), *second);
  const auto third = *sync_wait(this->two->advance_watermark(*second));
  ASSERT_TRUE(third);
  EXPECT_GT(third->value, second->value);
}

TYPED_TEST_P(StoreContract, MovesTheMarkOnceHoweverManyTry) {
  std::atomic<int> moved = 0;
  const auto seen = *sync_wait(this->one->read_watermark());
  std::vector<std::thread> relays;
  for (int i = 0; i < 4; ++i) {
    relays.emplace_back([&, connection = this->under_test.connect()] {
      if (*sync_wait(connection->advance_watermark(seen))) ++moved;
    });
  }
  for (auto& each : relays) each.join();
  EXPECT_EQ(moved, 1);
}

TYPED_TEST_P(StoreContract, NeverStoresAValueOlderThanAnInvalidationHoweverRaced) {
  std::atomic<bool> stop = false;
  std::vector<std::thread> fillers;
  for (int i = 0; i < 3; ++i) {
    fillers.emplace_back([&] {
      const auto connection = this->under_test.connect();
      while (!stop) {
        const auto got = sync_wait(connection->acquire("k", 10s, 0));
        if (got->lease == 0) continue;
        const fill_request request{
            .key = "k", .lease = got->lease, .asof = got->granted_at, .bytes = "v", .ttl = 60s};
        sync_wait(connection->fill(request));
      }
    });
  }
  int stale = 0;
  for (int i = 0; i < 2000; ++i) {
    const std::vector<std::string> keys{"k"};
    const auto floor = *sync_wait(this->two->invalidate(keys, 0));
    const auto found = *sync_wait(this->two->get("k"));
    stale += found && found->asof < floor ? 1 : 0;
  }
  stop = true;
  for (auto& each : fillers) each.join();
  EXPECT_EQ(stale, 0);
}

TYPED_TEST_P(StoreContract, ChargesABucketForAllItsConnectionsTogether) {
  rate_charge one{.bucket = "a", .window = 1h, .limit = 60, .burst = 3, .taken = 0, .age = {}, .wanted = 1};
  auto& first = dynamic_cast<rate_limit_store&>(*this->one);
  auto& second = dynamic_cast<rate_limit_store&>(*this->two);
  EXPECT_TRUE(sync_wait(first.charge(one))->allowed);
  EXPECT_TRUE(sync_wait(second.charge(one))->allowed);
  const auto third = *sync_wait(first.charge(one));
  EXPECT_TRUE(third.allowed);
  EXPECT_GT(third.ahead, 2min + 30s);
  EXPECT_LE(third.ahead, 3min);
  const auto refused = *sync_wait(second.charge(one));
  EXPECT_FALSE(refused.allowed);
  EXPECT_LE(refused.ahead, 3min);
  one.bucket = "b";
  EXPECT_TRUE(sync_wait(second.charge(one))->allowed) << "a bucket of its own";
}

TYPED_TEST_P(StoreContract, ChargesWhatWasTakenInAnyCase) {
  rate_charge what{.bucket = "a", .window = 1h, .limit = 60, .burst = 3, .taken = 2, .age = {}, .wanted = 2};
  auto& limits = dynamic_cast<rate_limit_store&>(*this->one);
  EXPECT_FALSE(sync_wait(limits.charge(what))->allowed) << "only one of the two would fit";
  what.taken = 0;
  what.wanted = 1;
  EXPECT_TRUE(sync_wait(limits.charge(what))->allowed) << "a refusal costs nothing";
  what.taken = 9;
  what.wanted = 0;
  const auto over = *sync_wait(limits.charge(what));
  EXPECT_GT(over.ahead, 5min) << "what was admitted too much is paid back";
  EXPECT_LE(over.ahead, 6min) << "up to twice the burst";
}

TYPED_TEST_P(StoreContract, ChargesWhatWasTakenAtItsTime) {
  auto& limits = dynamic_cast<rate_limit_store&>(*this->one);
  const rate_charge old{.bucket = "a", .window = 1h, .limit = 60, .burst = 3, .taken = 3, .age = 2min};
  const auto found = *sync_wait(limits.charge(old));
  EXPECT_GT(found.ahead, 30s);
  EXPECT_LE(found.ahead, 1min) << "two of the three are refilled by now";
}

TYPED_TEST_P(StoreContract, RefillsABucketWithTime) {
  auto& limits = dynamic_cast<rate_limit_store&>(*this->one);
  const rate_charge what{.bucket = "a", .window = 2 * brief, .limit = 2, .burst = 1, .wanted = 1};
  EXPECT_TRUE(sync_wait(limits.charge(what))->allowed);
  this->under_test.advance(brief + 1ms);
  EXPECT_TRUE(sync_wait(limits.charge(what))->allowed);
}

REGISTER_TYPED_TEST_SUITE_P(
    StoreContract, GivesBackWhatWasFilled, ForgetsAfterTheTimeToLive, LeasesAKeyToOneAtATime,
    GivesTheValueInsteadOfALease, EndsALeaseByTimeReleaseAndFill,
    ARenewedLeaseOutlivesItsHoldAndKeepsItsFloor, RenewsNoLeaseThatIsLost, TellsTheTimeWhenItRefusesALease,
    ReleasesNobodyElsesLease, RefusesAFillWithoutTheLease, AForcedLeaseVoidsTheOther,
    AForcedLeaseLeavesTheValueReadable, RefusesAFillOlderThanAnInvalidationInFlight,
    RefusesAFillOlderThanWhatIsStored, InvalidatesWhatASlowerClockCannotKnowOf,
    FencesTheFillOfAClockAheadOfTheInvalidation, NeverCountsBack, IsLiftedByEveryCallerWhoKnowsMore,
    ExpiresAndSparesTheBytes, LeavesNoTombstoneForAnAbsentKey, GivesATakenValueToOneCaller,
    RefusesACacheOfAnotherNameSpace, FencesFillsWhenItGivesAValueAway, GivesAValueToOneOfManyThreads,
    InvalidatesByGlob, AnswersBatchesInOrder, ForcesTheLeasesOfABatch, TouchesOnlyWhatIsThere,
    RaisesFloorsAboveAllThatIsStored, AppliesKeysAndFloorsTogether, AppliesSoftlyToKeys,
    AppliesKeysAloneAndFloorsAlone, RestoresFloorsAsTheyWere, ClearsAllButTheFloorsAndTheCounter,
    KeepsRecordsWithoutLeases, TellsOthersWhatChangedAndNotItsMaker, SaysWhichChangesWereNoRemovals,
    TellsEveryoneWhenAllIsGone, MovesTheMarkForWhoeverSawTheOneBefore, MovesTheMarkOnceHoweverManyTry,
    NeverStoresAValueOlderThanAnInvalidationHoweverRaced, ChargesABucketForAllItsConnectionsTogether,
    ChargesWhatWasTakenInAnyCase, ChargesWhatWasTakenAtItsTime, RefillsABucketWithTime);

}  // namespace strata::contract
