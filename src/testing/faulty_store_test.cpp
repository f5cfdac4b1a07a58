#include <strata/cache.hpp>
#include <strata/testing.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <algorithm>
#include <bit>
#include <set>

namespace {

using namespace std::chrono_literals;
using namespace strata;
using strata::testing::fault_rule;
using strata::testing::faulty_store;
using strata::testing::manual_clock;
using strata::testing::store_call;
using ::testing::ElementsAre;

class FaultyStore : public ::testing::Test {
 protected:
  manual_clock time;
  std::shared_ptr<memory_server> server = make_memory_server(time);
  std::shared_ptr<store> real = connect(server);
  faulty_store faulty{connect(server), 7};

  void stored(std::string_view key, std::string_view bytes) { (void)sync_wait(real->put(key, bytes, 60s)); }
  std::string really(std::string_view key) {
    return sync_wait(real->get(key))->value_or(stored_value{}).bytes;
  }
  result<void> put(std::string_view key, std::string_view bytes = "v") {
    return sync_wait(faulty.put(key, bytes, 60s));
  }
};

/// A call that may not be over: what it ended with, once it has.
template <class T>
struct pending {
  std::optional<T> outcome;

  explicit pending(task<T> work) {
    start(nullptr, std::move(work), [this](completion<T> ended) { outcome.emplace(std::move(*ended)); });
  }
  pending(const pending&) = delete;
  pending& operator=(const pending&) = delete;
  bool over() const { return outcome.has_value(); }
};

TEST_F(FaultyStore, FailsEveryCallOfAnOperation) {
  faulty.fail({.call = store_call::put}, {errc::timeout, "slow"});
  for (int i = 0; i < 3; ++i) {
    const auto done = put("k");
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, errc::timeout);
  }
  EXPECT_TRUE(sync_wait(faulty.get("k")));
  EXPECT_EQ(really("k"), "");
  EXPECT_EQ(faulty.calls(store_call::put), 3u);
}

TEST_F(FaultyStore, FailsTheCallsOfTheScriptOnly) {
  faulty.fail({.call = store_call::put, .skip = 2, .times = 1});
  std::vector<bool> done;
  for (int i = 0; i < 5; ++i) done.push_back(put("k").has_value());
  EXPECT_THAT(done, ElementsAre(true, true, false, true, true));
}

TEST_F(FaultyStore, FailsTheKeysOfThePredicateOnlyAlsoInBatches) {
  faulty.fail({.when = [](store_call, std::string_view key) { return key.starts_with("bad"); }});
  EXPECT_TRUE(put("good"));
  EXPECT_FALSE(put("bad:1"));
  const std::vector<std::string> good{"good", "fine"};
  const std::vector<std::string> mixed{"good", "bad:2"};
  EXPECT_TRUE(sync_wait(faulty.get_many(good)));
  EXPECT_FALSE(sync_wait(faulty.get_many(mixed)));
  EXPECT_FALSE(sync_wait(faulty.acquire_many(mixed, 1s, 0)));
  EXPECT_FALSE(sync_wait(faulty.invalidate(mixed, 1)));
  const std::vector<fill_request> fills{{.key = "good"}, {.key = "bad:3"}};
  EXPECT_FALSE(sync_wait(faulty.fill_many(fills)));
  EXPECT_TRUE(sync_wait(faulty.floors()));
}

TEST_F(FaultyStore, TheFirstRuleThatMatchesHolds) {
  faulty.fail({.call = store_call::get, .times = 1}, {errc::timeout, ""});
  faulty.fail({}, {errc::busy, ""});
  EXPECT_EQ(sync_wait(faulty.get("k")).error().code, errc::timeout);
  EXPECT_EQ(sync_wait(faulty.get("k")).error().code, errc::busy);
  faulty.heal();
  EXPECT_TRUE(sync_wait(faulty.get("k")));
}

TEST_F(FaultyStore, AfterTheWorkOnlyTheAnswerIsLost) {
  faulty.fail({.call = store_call::put, .after = true});
  EXPECT_FALSE(put("k", "done nevertheless"));
  EXPECT_EQ(really("k"), "done nevertheless");
}

TEST_F(FaultyStore, ADelayedCallReachesTheStoreWhenItIsLetGo) {
  stored("k", "before");
  faulty.delay({.call = store_call::get});
  pending read(faulty.get("k"));
  EXPECT_FALSE(read.over());
  EXPECT_EQ(faulty.waiting(), 1u);
  stored("k", "after");
  EXPECT_EQ(faulty.let_go(), 1u);
  ASSERT_TRUE(read.over());
  EXPECT_EQ((**read.outcome)->bytes, "after");
  EXPECT_EQ(faulty.waiting(), 0u);
}

TEST_F(FaultyStore, ADelayedAnswerIsAsOldAsTheCall) {
  stored("k", "before");
  faulty.delay({.call = store_call::get, .after = true});
  pending read(faulty.get("k"));
  stored("k", "after");
  faulty.let_go();
  ASSERT_TRUE(read.over());
  EXPECT_EQ((**read.outcome)->bytes, "before");
}

TEST_F(FaultyStore, LetsGoInTheOrderOfTheCalls) {
  faulty.delay({});
  pending first(faulty.get("1"));
  pending second(faulty.get("2"));
  EXPECT_EQ(faulty.let_go(1), 1u);
  EXPECT_TRUE(first.over());
  EXPECT_FALSE(second.over());
  EXPECT_EQ(faulty.let_go(), 1u);
  EXPECT_TRUE(second.over());
  EXPECT_EQ(faulty.let_go(), 0u);
}

TEST_F(FaultyStore, ADroppedCallEndsAsATimeoutAndDidNothingUnlessAfter) {
  for (const bool after : {false, true}) {
    faulty.heal();
    faulty.drop({.call = store_call::put, .after = after});
    pending write(faulty.put("k", "dropped", 60s));
    EXPECT_FALSE(write.over());
    EXPECT_EQ(really("k"), after ? "dropped" : "");
    faulty.let_go();
    ASSERT_TRUE(write.over());
    EXPECT_EQ(write.outcome->error().code, errc::timeout);
    EXPECT_EQ(really("k"), after ? "dropped" : "");
  }
}

TEST_F(FaultyStore, ItsEndLetsGoOfAllThatWait) {
  auto brief = std::make_unique<faulty_store>(connect(server));
  stored("k", "v");
  brief->delay({.times = 1});
  brief->drop({});
  pending delayed(brief->get("k"));
  pending dropped(brief->get("k"));
  brief.reset();
  ASSERT_TRUE(delayed.over() && dropped.over());
  EXPECT_EQ((**delayed.outcome)->bytes, "v");
  EXPECT_FALSE(*dropped.outcome);
}

int bits_changed(std::string_view one, std::string_view two) {
  int sum = one.size() == two.size() ? 0 : 1000;
  for (std::size_t i = 0; i < std::min(one.size(), two.size()); ++i) {
    sum += std::popcount(static_cast<unsigned char>(one[i] ^ two[i]));
  }
  return sum;
}

TEST_F(FaultyStore, CorruptsOneBitOfWhatIsRead) {
  stored("k", "a value");
  faulty.corrupt({.call = store_call::get});
  faulty.corrupt({.call = store_call::acquire});
  faulty.corrupt({.call = store_call::get_many});
  EXPECT_EQ(bits_changed((*sync_wait(faulty.get("k")))->bytes, "a value"), 1);
  EXPECT_EQ(bits_changed(sync_wait(faulty.acquire("k", 1s, 0))->value->bytes, "a value"), 1);
  const std::vector<std::string> keys{"k", "absent"};
  const auto many = *sync_wait(faulty.get_many(keys));
  EXPECT_EQ(bits_changed(many[0]->bytes, "a value"), 1);
  EXPECT_FALSE(many[1]);
  EXPECT_EQ(really("k"), "a value");
}

TEST_F(FaultyStore, CorruptsOneBitOfWhatIsWritten) {
  faulty.corrupt({});
  EXPECT_TRUE(put("k", "a value"));
  EXPECT_EQ(bits_changed(really("k"), "a value"), 1);
  const auto lease = sync_wait(faulty.force_lease("filled", 1s, 0))->lease;
  const fill_request request{.key = "filled", .lease = lease, .asof = 1, .bytes = "a value", .ttl = 60s};
  EXPECT_EQ(*sync_wait(faulty.fill(request)), fill_result::stored);
  EXPECT_EQ(bits_changed(really("filled"), "a value"), 1);
  const auto more = sync_wait(faulty.force_lease("more", 1s, 0))->lease;
  const std::vector<fill_request> fills{
      {.key = "more", .lease = more, .asof = 1, .bytes = "another", .ttl = 60s}};
  EXPECT_THAT(*sync_wait(faulty.fill_many(fills)), ElementsAre(fill_result::stored));
  EXPECT_EQ(bits_changed(really("more"), "another"), 1);
}

struct heard final : store_observer {
  int changes = 0;
  std::vector<bool> losses;
  time_point until{};
  void changed(std::string_view) override { ++changes; }
  void floor_raised(floor_entry) override { ++changes; }
  void lost(bool may_have_forgotten) override { losses.push_back(may_have_forgotten); }
  void trust_until(time_point when, time_point) override { until = when; }
};

TEST_F(FaultyStore, TellsObserversWhatTheTestWishes) {
  heard seen;
  faulty.observe(seen);
  EXPECT_EQ(seen.until, time_point::max());
  const std::vector<std::string> keys{"k"};
  (void)sync_wait(real->invalidate(keys, 0));
  EXPECT_EQ(seen.changes, 1);
  faulty.mute(true);
  (void)sync_wait(real->invalidate(keys, 0));
  EXPECT_EQ(seen.changes, 1);
  faulty.lose(true);
  faulty.lose();
  EXPECT_THAT(seen.losses, ElementsAre(true, false));
  faulty.trust_until(time.now() + 1s);
  EXPECT_EQ(seen.until, time.now() + 1s);
  faulty.unobserve(seen);
  faulty.lose();
  EXPECT_EQ(seen.losses.size(), 2u);
}

TEST_F(FaultyStore, StandsBeforeAnotherServerAfterAFailover) {
  heard seen;
  faulty.observe(seen);
  EXPECT_TRUE(put("k", "before"));
  const auto replica = make_memory_server(time);
  const auto behind = connect(replica);
  faulty.replace(connect(replica));
  EXPECT_FALSE(*sync_wait(faulty.get("k")));
  EXPECT_TRUE(put("k", "after"));
  EXPECT_EQ(really("k"), "before");
  (void)sync_wait(behind->remove("k"));
  EXPECT_EQ(seen.changes, 1);
  faulty.unobserve(seen);
}

TEST_F(FaultyStore, RefusesToCorruptWhatCarriesNoValues) {
  EXPECT_THROW(faulty.corrupt({.call = store_call::touch}), bad_options);
  faulty.corrupt({});
  EXPECT_EQ(*sync_wait(faulty.touch("absent", 1s)), false);
}

TEST_F(FaultyStore, DrawsItsChancesFromTheSeed) {
  const auto failures = [&](std::uint64_t seed) {
    faulty_store drawn(connect(server), seed);
    drawn.fail({.probability = 0.25});
    std::vector<bool> out;
    for (int i = 0; i < 400; ++i) out.push_back(!sync_wait(drawn.get("k")));
    return out;
  };
  EXPECT_EQ(failures(1), failures(1));
  EXPECT_NE(failures(1), failures(2));
  const auto sum = std::ranges::count(failures(3), true);
  EXPECT_GT(sum, 60);
  EXPECT_LT(sum, 140);
}

TEST_F(FaultyStore, EveryOperationHasItsOwnName) {
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < strata::testing::store_calls; ++i)
    names.insert(name(static_cast<store_call>(i)));
  EXPECT_EQ(names.size(), strata::testing::store_calls);
  EXPECT_EQ(name(store_call::invalidate_matching), "invalidate_matching");
  EXPECT_EQ(name(store_call::charge), "charge");
}

/// What it is for: a cache over a store that misbehaves.
class CacheOverAFaultyStore : public FaultyStore {
 protected:
  std::shared_ptr<faulty_store> below = std::make_shared<faulty_store>(connect(server), 7);
  cache_options options() { return {.second_level = below, .seed = 1, .time = &time}; }
  const entity<std::string, "page:{id}"> pages{{.ttl = 60s, .jitter = 0}};
};

TEST_F(CacheOverAFaultyStore, GivesTheSourcesValueWhenTheStoreIsDown) {
  cache front(options());
  below->fail({});
  const auto read = sync_wait(front.get_or_set(pages("1"), [] { return std::string("from the source"); }));
  EXPECT_EQ(*read, "from the source");
  EXPECT_EQ(read.info().reason, miss_reason::l2_down);
}

TEST_F(CacheOverAFaultyStore, TakesEveryCorruptedValueForAMiss) {
  cache writer(options());
  for (int i = 0; i < 200; ++i) {
    const auto id = std::to_string(i);
    sync_wait(writer.set(pages(id), "the page " + id));
  }
  below->corrupt({.call = store_call::acquire});
  cache reader(options());
  for (int i = 0; i < 200; ++i) {
    const auto id = std::to_string(i);
    const auto read = sync_wait(reader.get_or_set(pages(id), [&] { return "loaded " + id; }));
    ASSERT_EQ(*read, "loaded " + id);
    ASSERT_EQ(read.info().reason, miss_reason::undecodable);
  }
}

TEST_F(CacheOverAFaultyStore, NeverKeepsAValueThatWasInvalidatedWhileItsAnswerWasUnderWay) {
  cache writer({.second_level = connect(server), .time = &time});
  sync_wait(writer.set(pages("1"), std::string("old")));
  cache reader(options());
  below->delay({.call = store_call::get, .after = true});
  bool over = false;
  start(nullptr, reader.get(pages("1")), [&](const auto&) { over = true; });
  sync_wait(writer.remove(pages("1")));
  below->let_go();
  EXPECT_TRUE(over);
  below->heal();
  EXPECT_FALSE(sync_wait(reader.get(pages("1"))));
}

}  // namespace
