/// The store over the masters of a real cluster.

#include "redis/format/key_slot.hpp"
#include "redis/format/store_format.hpp"
#include "tests/redis/cluster_group.hpp"
#include "tests/redis/store_support.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <thread>

namespace strata::redis {
namespace {

using test::cluster_group;
using test::eventually;
using test::open_now;
using test::redis_server;
using test::wait_until_notified;
using test::wait_until_up;
using testing::HasSubstr;
using namespace std::chrono_literals;

lease_grant forced(store& in, const std::string& key) {
  return sync_wait(in.force_lease(key, 60s, 0)).value();
}
fill_result fill(store& in, const std::string& key, const lease_grant& right, std::string_view bytes = "v") {
  const fill_request request{
      .key = key, .lease = right.lease, .asof = right.granted_at, .bytes = bytes, .ttl = 60s};
  return sync_wait(in.fill(request)).value();
}
fill_result fill(store& in, const std::string& key, std::string_view bytes = "v") {
  return fill(in, key, forced(in, key), bytes);
}
bool holds(store& in, const std::string& key) {
  return sync_wait(in.get(key)).value().has_value();
}
bool invalidate(store& in, const std::string& key) {
  const std::vector<std::string> keys{key};
  return sync_wait(in.invalidate(keys, 0)).has_value();
}

/// One empty cluster for all tests that stop no node of it and leave every slot with an owner.
cluster_group& shared_cluster() {
  static cluster_group group;
  group.empty();
  return group;
}

/// A slot of ours: `{NAME}` is its tag, and two nodes it goes between.
struct moving {
  const cluster_group& group;
  std::string name;
  redis_server& from;
  redis_server& to;

  moving(cluster_group& in, const std::string& tag)
      : group(in), name(tag), from(in.owner(slot())), to(&from == &in.node(0) ? in.node(1) : in.node(0)) {}
  int slot() const { return slot_of("strata:{" + name + "}"); }
  std::string key(const std::string& rest) const { return "strata:{" + name + "}" + rest; }
};

TEST(ClusterStore, SpreadsItsKeysAndJoinsBatchesInOneRoundTripEach) {
  auto& group = shared_cluster();
  const auto store = open_now(group.url());
  std::vector<std::string> keys;
  for (int i = 0; i < 60; ++i) keys.push_back("strata:spread:" + std::to_string(i));
  for (const auto& each : keys) ASSERT_EQ(fill(*store, each, each), fill_result::stored);
  for (std::size_t i = 0; i < group.size(); ++i) {
    EXPECT_GT(group.node(i).call({"DBSIZE"}).integer(), 5) << "node " << i;
  }
  keys.insert(keys.begin() + 30, "strata:spread:absent");
  const auto found = sync_wait(store->get_many(keys)).value();
  ASSERT_EQ(found.size(), keys.size());
  for (std::size_t i = 0; i < keys.size(); ++i) {
    EXPECT_EQ(found[i] ? found[i]->bytes : "none", i == 30 ? "none" : keys[i]);
  }
  // Requests are counted a submission each, heartbeats too: far fewer than keys.
  const auto before = store->health().requests;
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(sync_wait(store->get_many(keys)));
  EXPECT_LT(store->health().requests - before, 20 * keys.size() / 3);
}

TEST(ClusterStore, FindsTheOthersThroughOneNode) {
  cluster_group group;
  group.node(1).pause();  // a seed that is silent
  const auto first =
      open_store("redis+cluster://127.0.0.1:1,127.0.0.1:" + std::to_string(group.node(0).port()));
  ASSERT_TRUE(first);
  ASSERT_TRUE(eventually([&] { return (*first)->health().trouble.contains("is not connected"); }))
      << (*first)->health().trouble;
  group.node(1).resume();
  wait_until_up(**first);
  EXPECT_THAT((*first)->health().address, HasSubstr(std::to_string(group.node(2).port())));
  EXPECT_EQ(fill(**first, "strata:a"), fill_result::stored);
}

TEST(ClusterStore, SaysWhatIsWrong) {
  const redis_server single;
  const auto port = std::to_string(single.port());
  const auto says = [](const std::string& url, const std::string& words) {
    const auto opened = open_store(url);
    ASSERT_TRUE(opened) << opened.error().detail;
    EXPECT_TRUE(eventually([&] { return (*opened)->health().trouble.contains(words); }))
        << (*opened)->health().trouble;
    EXPECT_FALSE(sync_wait((*opened)->get("strata:a")));
  };
  says("redis+cluster://127.0.0.1:" + port, "cluster support disabled");
  says("redis+cluster://127.0.0.1:1", "cannot be reached");
  const cluster_group group;
  says("redis://127.0.0.1:" + std::to_string(group.node(0).port()), "redis+cluster://");
  ASSERT_TRUE(group.node(2).call({"CONFIG", "SET", "maxmemory-policy", "allkeys-lru"}).is_ok());
  says(group.url(), "set maxmemory-policy to volatile-lru");
  ASSERT_TRUE(group.node(2).call({"CONFIG", "SET", "maxmemory-policy", "volatile-lru"}).is_ok());
  for (std::size_t i = 0; i < group.size(); ++i) {
    ASSERT_TRUE(group.node(i).call({"CLUSTER", "DELSLOTS", "7000"}).is_ok());
  }
  says(group.url(), "some slots of the cluster have no master");
}

TEST(ClusterStore, ReadsAndRemovesWhileASlotIsHalfHereAndHalfThere) {
  auto& group = shared_cluster();
  const auto store = open_now(group.url());
  const auto other = open_now(group.url());
  const moving slot(group, "half");
  for (const auto* each : {"a", "b", "c", "d"}) ASSERT_EQ(fill(*store, slot.key(each)), fill_result::stored);
  const auto before = forced(*store, slot.key("leased"));
  const auto losses = store->health().losses;

  group.begin_move(slot.slot(), slot.from, slot.to);
  EXPECT_EQ(group.move_keys(slot.slot(), slot.from, slot.to, 3), 3u);
  std::vector<std::string> all;
  for (const auto* each : {"a", "b", "c", "d"}) all.push_back(slot.key(each));
  for (const auto& each : all) EXPECT_TRUE(holds(*store, each)) << each;
  EXPECT_TRUE(sync_wait(store->get_many(all)).value().back());
  EXPECT_TRUE(invalidate(*store, all[0]));
  EXPECT_FALSE(holds(*other, all[0]));
  const std::vector<std::string> two{all[1], all[2]};
  EXPECT_TRUE(sync_wait(store->expire(two, 0)));
  EXPECT_TRUE(sync_wait(other->get(all[1])).value()->expired);
  EXPECT_TRUE(sync_wait(store->put(slot.key("record"), "r", 60s)));
  EXPECT_EQ(sync_wait(other->get(slot.key("record"))).value()->bytes, "r");

  // A lease is given, and computes; what it brings is not stored.
  const auto miss = sync_wait(store->acquire(slot.key("new"), 60s, 0)).value();
  EXPECT_NE(miss.lease, 0u);
  EXPECT_EQ(fill(*store, slot.key("new"), {miss.lease, miss.granted_at}), fill_result::lease_lost);
  // One from before is fenced wherever it is.
  EXPECT_TRUE(invalidate(*other, slot.key("leased")));

  while (group.move_keys(slot.slot(), slot.from, slot.to) > 0) {
  }
  group.end_move(slot.slot(), slot.to);
  EXPECT_EQ(fill(*store, slot.key("leased"), before), fill_result::below_floor);
  EXPECT_EQ(fill(*store, slot.key("new")), fill_result::stored);
  EXPECT_TRUE(holds(*other, all[1]));
  EXPECT_FALSE(holds(*other, all[0]));
  wait_until_notified(*store);
  EXPECT_EQ(store->health().losses, losses) << "a slot that moves is no loss";
}

TEST(ClusterStore, MovesWithTheSlotOfItsClock) {
  auto& group = shared_cluster();
  const auto store = open_now(group.url());
  const int slot = slot_of(store_names("strata").clock);
  auto& from = group.owner(slot);
  auto& to = &from == &group.node(0) ? group.node(1) : group.node(0);
  const std::vector<floor_entry> tags{{.bucket = 7}};
  const auto before = sync_wait(store->raise(tags)).value();
  ASSERT_EQ(fill(*store, "strata:a"), fill_result::stored);
  group.move_slot(slot, from, to);
  ASSERT_TRUE(eventually([&] { return sync_wait(store->raise(tags)).has_value(); }));
  EXPECT_GT(sync_wait(store->raise(tags)).value(), before + 1);
  EXPECT_TRUE(holds(*store, "strata:a"));
  wait_until_notified(*store);
  EXPECT_EQ(to.call({"EXISTS", "strata-clock:{strata}"}).integer(), 1);
}

TEST(ClusterStore, RemovesByPatternWhileItsKeysMove) {
  auto& group = shared_cluster();
  const auto store = open_now(group.url());
  for (int round = 0; round < 5; ++round) {
    const moving slot(group, "walk" + std::to_string(round));
    for (int i = 0; i < 300; ++i) {
      const auto key =
          i % 2 == 0 ? slot.key("walked:" + std::to_string(i)) : "strata:walked:" + std::to_string(i);
      ASSERT_EQ(fill(*store, key), fill_result::stored);
    }
    std::thread mover([&] {
      group.begin_move(slot.slot(), slot.from, slot.to);
      while (group.move_keys(slot.slot(), slot.from, slot.to, 5) > 0) {
      }
      group.end_move(slot.slot(), slot.to);
    });
    auto removed = sync_wait(store->invalidate_matching("strata:*walked:*", 0));
    mover.join();
    ASSERT_TRUE(removed) << removed.error().detail;
    for (int i = 0; i < 300; ++i) {
      EXPECT_FALSE(holds(*store, slot.key("walked:" + std::to_string(i)))) << i;
      EXPECT_FALSE(holds(*store, "strata:walked:" + std::to_string(i))) << i;
    }
  }
}

TEST(ClusterStore, TakesInAMasterThatJoins) {
  cluster_group group({.masters = 3});
  const auto store = open_now(group.url());
  ASSERT_EQ(fill(*store, "strata:a"), fill_result::stored);
  const auto& joined = group.add_master();
  const moving slot(group, "joined");
  group.move_slot(slot.slot(), slot.from, joined);  // a master without slots does not matter
  const auto is_known = [&] { return store->health().address.contains(std::to_string(joined.port())); };
  ASSERT_TRUE(eventually(is_known)) << store->health().address;
  // Until all nodes know the new one, views may alternate, and a call may fail.
  wait_until_up(*store);
  result<std::optional<stored_value>> found;
  ASSERT_TRUE(eventually([&] {
    found = sync_wait(store->get("strata:a"));
    return found.has_value();
  }));
  EXPECT_FALSE(*found);  // another view: nothing of before counts
  EXPECT_TRUE(eventually([&] {
    const auto right = sync_wait(store->force_lease(slot.key("b"), 10s, 0));
    if (!right) return false;
    const auto done = sync_wait(store->fill(
        {.key = slot.key("b"), .lease = right->lease, .asof = right->granted_at, .bytes = "v", .ttl = 60s}));
    return done && *done == fill_result::stored;
  }));
  EXPECT_EQ(joined.call({"EXISTS", slot.key("b")}).integer(), 1);
}

TEST(ClusterStore, ServesNothingThatARestartedMasterBringsBack) {
  cluster_group group;
  const auto store = open_now(group.url());
  const moving slot(group, "back");
  ASSERT_EQ(fill(*store, slot.key("a"), "old"), fill_result::stored);
  ASSERT_TRUE(slot.from.call({"SAVE"}).is_ok());
  ASSERT_TRUE(invalidate(*store, slot.key("a")));
  slot.from.kill();
  ASSERT_TRUE(eventually([&] { return !store->health().usable; }));
  slot.from.start();
  wait_until_up(*store);
  EXPECT_EQ(slot.from.call({"EXISTS", slot.key("a")}).integer(), 1);  // it is there again
  EXPECT_FALSE(holds(*store, slot.key("a")));
  EXPECT_EQ(fill(*store, slot.key("a"), "new"), fill_result::stored);
}

TEST(ClusterStore, LeavesNoLeaseBehindWhenOneNodeDoesNotAnswer) {
  cluster_group group;
  const auto one = open_now(group.url(), {.timeout = 200ms});
  const auto two = open_now(group.url());
  std::vector<std::string> keys;
  for (int i = 0; i < 12; ++i) keys.push_back("strata:behind:" + std::to_string(i));
  group.node(1).pause();
  EXPECT_FALSE(sync_wait(one->acquire_many(keys, 60s, 0)));
  group.node(1).resume();
  const auto is_free = [&](const std::string& key) {
    const auto got = sync_wait(two->acquire(key, 60s, 0));
    return got && got->lease != 0;
  };
  for (const auto& each : keys) EXPECT_TRUE(eventually([&] { return is_free(each); })) << each;
}

TEST(ClusterStore, TellsOthersOnWhicheverNode) {
  auto& group = shared_cluster();
  const auto one = open_now(group.url());
  const auto two = open_now(group.url());
  struct recorder final : store_observer {
    void changed(std::string_view key) override {
      std::lock_guard lock(mutex);
      keys.emplace(key);
    }
    void floor_raised(floor_entry) override { ++floors; }
    void lost(bool) override {}
    void trust_until(time_point, time_point) override {}
    std::size_t count() {
      std::lock_guard lock(mutex);
      return keys.size();
    }
    std::mutex mutex;
    std::multiset<std::string> keys;
    std::atomic<int> floors = 0;
  } observer;
  two->observe(observer);
  std::vector<std::string> keys;
  for (int i = 0; i < 30; ++i) keys.push_back("strata:reported:" + std::to_string(i));
  ASSERT_TRUE(sync_wait(one->invalidate(keys, 0)));  // of absent keys: reported on the channels alone
  const std::vector<floor_entry> tags{{.bucket = 1}, {.bucket = 2}};
  ASSERT_TRUE(sync_wait(one->raise(tags)));
  ASSERT_TRUE(eventually([&] { return observer.count() >= keys.size() && observer.floors == 2; }));
  wait_until_notified(*two);
  EXPECT_EQ(observer.count(), keys.size()) << "each once, although every node forwards messages";
  two->unobserve(observer);
}

}  // namespace
}  // namespace strata::redis
