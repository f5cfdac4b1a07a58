/// The store on a Redis server. Long because each part of the store's port is tried on a server.

#include "redis/format/scripts.hpp"
#include "redis/format/store_format.hpp"
#include "tests/redis/proxy.hpp"
#include "tests/redis/store_support.hpp"

#include <strata/cache.hpp>
#include <strata/open.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <mutex>
#include <set>
#include <thread>

namespace strata::redis {
namespace {

using test::eventually;
using test::open_now;
using test::redis_server;
using test::shared_redis;
using test::wait_until_notified;
using test::wait_until_up;
using testing::HasSubstr;
using namespace std::chrono_literals;

struct recorder final : store_observer {
  void changed(std::string_view key) override {
    std::lock_guard lock(mutex);
    keys.emplace(key);
  }
  void floor_raised(floor_entry floor) override {
    std::lock_guard lock(mutex);
    floors.push_back(floor);
  }
  void lost(bool may_have_forgotten) override {
    std::lock_guard lock(mutex);
    ++losses;
    forgotten += may_have_forgotten ? 1 : 0;
  }
  void trust_until(time_point when, time_point) override {
    std::lock_guard lock(mutex);
    trusted = when;
  }
  bool saw(const std::string& key) {
    std::lock_guard lock(mutex);
    return keys.contains(key);
  }
  int lost_memory() {
    std::lock_guard lock(mutex);
    return forgotten;
  }
  time_point trusted_until() {
    std::lock_guard lock(mutex);
    return trusted;
  }

  std::mutex mutex;
  std::set<std::string> keys;
  std::vector<floor_entry> floors;
  int losses = 0;
  int forgotten = 0;
  time_point trusted{};
};

fill_result fill(store& in, const std::string& key, std::string_view bytes = "v") {
  const auto right = sync_wait(in.force_lease(key, 10s, 0)).value();
  const fill_request request{
      .key = key, .lease = right.lease, .asof = right.granted_at, .bytes = bytes, .ttl = 60s};
  return sync_wait(in.fill(request)).value();
}

bool holds(store& in, const std::string& key) {
  return sync_wait(in.get(key)).value().has_value();
}

std::string run_script(const redis_server& on, const script& which) {
  return resp::to_text(on.call({"SCRIPT", "EXISTS", which.sha}));
}

TEST(RedisScripts, AreNamedAsTheServerNamesThem) {
  EXPECT_EQ(sha1("abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
  const auto& server = shared_redis();
  for (const auto& [name, which] : scripts::all()) {
    EXPECT_EQ(server.call({"SCRIPT", "LOAD", which.text}).text(), which.sha) << name;
  }
}

TEST(RedisStore, SendsAScriptThatTheServerHasForgotten) {
  const auto& server = shared_redis();
  const auto store = open_now(server.url());
  ASSERT_EQ(fill(*store, "strata:a"), fill_result::stored);
  ASSERT_TRUE(server.call({"SCRIPT", "FLUSH"}).is_ok());
  EXPECT_EQ(run_script(server, scripts::fill.local_clock), "[0]");
  EXPECT_EQ(fill(*store, "strata:b"), fill_result::stored);
  const std::vector<std::string> keys{"strata:a", "strata:b"};
  ASSERT_TRUE(server.call({"SCRIPT", "FLUSH"}).is_ok());
  EXPECT_TRUE(sync_wait(store->invalidate(keys, 0)));
  EXPECT_FALSE(holds(*store, "strata:a"));
  EXPECT_EQ(run_script(server, scripts::invalidate.local_clock), "[1]");
}

TEST(RedisStore, WritesWhatTheFormatsPageSays) {
  const auto& server = shared_redis();
  const auto store = open_now(server.url());
  ASSERT_EQ(fill(*store, "strata:agent:agt_1", "bytes"), fill_result::stored);
  const auto raw = server.call({"GET", "strata:agent:agt_1"});
  const auto header = decode_header(raw.text());
  ASSERT_TRUE(header);
  EXPECT_EQ(header->epoch, 1u);
  EXPECT_EQ(raw.text().substr(value_header::size), "bytes");
  const auto left = server.call({"PTTL", "strata:agent:agt_1"}).integer().value_or(0);
  const auto now = server.call({"TIME"});
  const auto at = std::stoll(std::string(now.items()[0].text())) * 1000;
  EXPECT_NEAR(static_cast<double>(header->end), static_cast<double>(at + left), 2000);
  EXPECT_EQ(server.call({"EXISTS", "strata-lease:{strata:agent:agt_1}"}).integer(), 0);
  EXPECT_EQ(server.call({"TTL", "strata-clock:{strata}"}).integer(), -1);
}

TEST(RedisStore, WaitsForAReplyAsLongAsItsTimeoutAllows) {
  test::proxy between(shared_redis().port());
  const auto store =
      open_now("redis://127.0.0.1:" + std::to_string(between.port()), {.timeout = 20s, .trust_for = 20s});
  const auto connections = store->health().connections;
  between.delay(800ms);  // longer than a connection may be silent by default
  EXPECT_TRUE(sync_wait(store->get("strata:a")));
  EXPECT_EQ(store->health().connections, connections);
}

TEST(RedisStore, RefusesKeysWhoseChangesItWouldNotHearOf) {
  const auto& server = shared_redis();
  const auto store = open_now(server.url());
  const auto got = sync_wait(store->get("other:key"));
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, errc::invalid_argument);
}

TEST(RedisStore, RefusesKeysThatItsNewsCouldNotName) {
  const auto store = open_now(shared_redis().url());
  const std::string longest = "strata:" + std::string(0xffff - 7, 'k');
  EXPECT_TRUE(sync_wait(store->put(longest, "value", 10s)));
  EXPECT_TRUE(sync_wait(store->remove(longest)));
  const auto refused = sync_wait(store->put(longest + 'k', "value", 10s));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::invalid_argument);
}

TEST(RedisStore, RefusesAServerThatMayEvictFloorsUntilItIsPutRight) {
  const redis_server server({.config = {"--maxmemory-policy", "allkeys-lru", "--maxmemory", "100mb"}});
  const auto opened = open_store(server.url());
  ASSERT_TRUE(opened);
  const auto& store = **opened;
  ASSERT_TRUE(eventually([&] { return store.health().trouble.contains("allkeys-lru"); }))
      << store.health().trouble;
  EXPECT_THAT(store.health().trouble, HasSubstr("set maxmemory-policy to volatile-lru"));
  const auto got = sync_wait((*opened)->get("strata:a"));
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, errc::store_unavailable);
  ASSERT_TRUE(server.call({"CONFIG", "SET", "maxmemory-policy", "volatile-lru"}).is_ok());
  wait_until_up(store);
}

TEST(RedisStore, SaysThatItsServerHasNoScripts) {
  const redis_server server({.config = {"--rename-command", "EVAL", ""}});
  const auto opened = open_store(server.url());
  ASSERT_TRUE(opened);
  ASSERT_TRUE(eventually([&] { return (*opened)->health().trouble.contains("knows no EVAL"); }))
      << (*opened)->health().trouble;
  const auto inspected = sync_wait((*opened)->inspect(100));
  ASSERT_TRUE(inspected) << inspected.error().detail;
  ASSERT_EQ(inspected->servers.size(), 1u);
  EXPECT_FALSE(inspected->servers[0].has_scripts);
}

TEST(RedisStore, DescribesItsServerAndItsValues) {
  const redis_server server({.config = {"--maxmemory-policy", "volatile-lfu"}});
  const auto opened = open_store(server.url());
  ASSERT_TRUE(opened);
  auto& store = **opened;
  wait_until_up(store);
  ASSERT_TRUE(sync_wait(store.put("strata:a", "value", 60s)));
  ASSERT_TRUE(server.call({"SET", "strata:endless", std::string(1000, 'x')}).is_ok());
  const auto found = sync_wait(store.inspect(100));
  ASSERT_TRUE(found) << found.error().detail;
  ASSERT_EQ(found->servers.size(), 1u);
  const auto& about = found->servers[0];
  EXPECT_FALSE(about.version.empty());
  EXPECT_EQ(about.eviction, "volatile-lfu");
  EXPECT_TRUE(about.has_scripts);
  EXPECT_EQ(about.tracked_limit, 1'000'000u);
  ASSERT_TRUE(about.time);
  EXPECT_LT(std::chrono::abs(*about.time - system_clock().wall()), 60s);
  ASSERT_EQ(found->values.size(), 2u);
  const auto& endless = found->values[found->values[0].key == "strata:endless" ? 0 : 1];
  const auto& ending = found->values[found->values[0].key == "strata:endless" ? 1 : 0];
  EXPECT_FALSE(endless.ttl);
  EXPECT_EQ(endless.size, 1000u);
  EXPECT_GT(*ending.ttl, 30s);
  EXPECT_TRUE(ending.requests);
}

TEST(RedisStore, CountsItsValuesByTheKeysThatSealThem) {
  const redis_server server;
  const auto opened = open_store(server.url());
  ASSERT_TRUE(opened);
  std::shared_ptr<network_store> store = std::move(*opened);
  wait_until_up(*store);
  const auto keys = std::make_shared<key_ring>("7:" + key_ring::generate());
  cache writer({.second_level = store, .encryption = keys});
  const entity<std::string, "secret:{id}"> secrets{{.sensitive = true}};
  const entity<std::string, "page:{id}"> pages;
  ASSERT_TRUE(eventually([&] {
    sync_wait(writer.set(secrets("1"), std::string("a")));
    sync_wait(writer.set(pages("1"), std::string("b")));
    const auto found = sync_wait(store->count_keys());
    return found && found->size() == 1 && found->begin()->first == 7 && found->begin()->second == 2;
  }));
}

TEST(RedisStore, NoticesThatItsServerMayNowEvictFloorsAndVoidsWhatItHolds) {
  const redis_server server;
  const auto opened = open_store(server.url());
  ASSERT_TRUE(opened);
  const auto& store = **opened;
  wait_until_up(store);
  EXPECT_TRUE(sync_wait((*opened)->get("strata:a")));
  const auto losses = store.health().losses;
  ASSERT_TRUE(server.call({"CONFIG", "SET", "maxmemory-policy", "allkeys-lru"}).is_ok());
  ASSERT_TRUE(eventually([&] { return store.health().trouble.contains("allkeys-lru"); }));
  const auto got = sync_wait((*opened)->get("strata:a"));
  ASSERT_FALSE(got);
  EXPECT_THAT(got.error().detail, HasSubstr("set maxmemory-policy to volatile-lru"));
  ASSERT_TRUE(server.call({"CONFIG", "SET", "maxmemory-policy", "volatile-lru"}).is_ok());
  wait_until_up(store);
  EXPECT_GT(store.health().losses, losses) << "observers drop what they hold";
}

TEST(RedisStore, RefusesAReplica) {
  const redis_server master;
  const redis_server replica({.config = {"--replicaof", "127.0.0.1 " + std::to_string(master.port())}});
  const auto opened = open_store(replica.url());
  ASSERT_TRUE(opened);
  ASSERT_TRUE(eventually([&] { return (*opened)->health().trouble.contains("replica"); }))
      << (*opened)->health().trouble;
}

TEST(RedisStore, StartsWithoutItsServerAndComesUpWithIt) {
  redis_server server;
  server.kill();
  const auto opened = open_store(server.url());
  ASSERT_TRUE(opened);
  EXPECT_FALSE(sync_wait((*opened)->get("strata:a")));
  ASSERT_TRUE(eventually([&] { return (*opened)->health().failures > 0; }));
  EXPECT_THAT((*opened)->health().trouble, HasSubstr("127.0.0.1"));
  server.start();
  wait_until_up(**opened);
  EXPECT_EQ(fill(**opened, "strata:a"), fill_result::stored);
}

TEST(RedisStore, ServesNothingThatARestoredServerBringsBack) {
  redis_server server;
  const auto store = open_now(server.url());
  recorder observer;
  store->observe(observer);
  ASSERT_EQ(fill(*store, "strata:a", "old"), fill_result::stored);
  const auto in_flight = sync_wait(store->acquire("strata:b", 60s, 0))->lease;
  ASSERT_TRUE(server.call({"SAVE"}).is_ok());
  const std::vector<std::string> keys{"strata:a", "strata:b"};
  ASSERT_TRUE(sync_wait(store->invalidate(keys, 0)));
  server.kill();
  ASSERT_TRUE(eventually([&] { return !store->health().usable; }));
  server.start();
  wait_until_up(*store);
  EXPECT_EQ(server.call({"EXISTS", "strata:a"}).integer(), 1);  // it is there again
  EXPECT_FALSE(holds(*store, "strata:a"));
  const fill_request late{.key = "strata:b", .lease = in_flight, .asof = 1, .bytes = "old", .ttl = 60s};
  EXPECT_EQ(*sync_wait(store->fill(late)), fill_result::lease_lost);
  EXPECT_GE(observer.lost_memory(), 1);
  EXPECT_EQ(fill(*store, "strata:a", "new"), fill_result::stored);
  EXPECT_TRUE(holds(*store, "strata:a"));
  store->unobserve(observer);
}

TEST(RedisStore, GoesOnAfterAFlushWithFloorsAboveAllBefore) {
  const auto& server = shared_redis();
  const auto store = open_now(server.url());
  recorder observer;
  store->observe(observer);
  const auto before = sync_wait(store->acquire("strata:a", 60s, 1000));
  ASSERT_EQ(before->granted_at, 1000u);
  ASSERT_TRUE(server.call({"FLUSHALL"}).is_ok());
  ASSERT_TRUE(eventually([&] { return observer.lost_memory() > 0; }));
  const fill_request late{
      .key = "strata:a", .lease = before->lease, .asof = 1000, .bytes = "old", .ttl = 60s};
  EXPECT_EQ(*sync_wait(store->fill(late)), fill_result::lease_lost);
  wait_until_notified(*store);
  EXPECT_EQ(fill(*store, "strata:a"), fill_result::stored);
  const std::vector<std::string> keys{"strata:a"};
  EXPECT_GT(*sync_wait(store->invalidate(keys, 0)), 1000u);
  store->unobserve(observer);
}

TEST(RedisStore, FindsOutByItsHeartbeatThatAnotherEpochHasBegun) {
  const auto& server = shared_redis();
  const auto store = open_now(server.url());
  recorder observer;
  store->observe(observer);
  ASSERT_EQ(fill(*store, "strata:a", "old"), fill_result::stored);
  const auto before = sync_wait(store->force_lease("strata:b", 60s, 0));
  wait_until_notified(*store);
  ASSERT_EQ(observer.lost_memory(), 0);
  // As a process that noticed the loss, but whose message reaches no one.
  const auto clocks = server.call({"KEYS", "strata-clock:*"});
  ASSERT_EQ(clocks.items().size(), 1u);
  server.call({"HINCRBY", std::string(clocks.items()[0].text()), "epoch", "1"});
  EXPECT_TRUE(eventually([&] { return observer.lost_memory() > 0; }));
  EXPECT_FALSE(holds(*store, "strata:a"));
  const fill_request late{
      .key = "strata:b", .lease = before->lease, .asof = before->granted_at, .bytes = "old", .ttl = 60s};
  EXPECT_EQ(*sync_wait(store->fill(late)), fill_result::lease_lost);
  EXPECT_EQ(fill(*store, "strata:a", "new"), fill_result::stored);
  EXPECT_TRUE(holds(*store, "strata:a"));
  store->unobserve(observer);
}

TEST(RedisStore, TellsOfAKeyThatWasDeletedByHand) {
  const auto& server = shared_redis();
  const auto store = open_now(server.url());
  recorder observer;
  store->observe(observer);
  ASSERT_EQ(fill(*store, "strata:a"), fill_result::stored);
  wait_until_notified(*store);
  EXPECT_FALSE(observer.saw("strata:a"));  // our own
  server.call({"DEL", "strata:a"});
  EXPECT_TRUE(eventually([&] { return observer.saw("strata:a"); }));
  store->unobserve(observer);
}

TEST(RedisStore, TrustsNothingWhileItHearsNothing) {
  redis_server server;
  const auto store = open_now(server.url());
  recorder observer;
  store->observe(observer);
  ASSERT_TRUE(eventually([&] { return observer.trusted_until() > system_clock().now(); }));
  server.pause();
  ASSERT_TRUE(eventually([&] { return observer.trusted_until() < system_clock().now(); }, 2s));
  server.resume();
  EXPECT_TRUE(eventually([&] { return observer.trusted_until() > system_clock().now(); }));
  store->unobserve(observer);
}

TEST(RedisStore, TakesInvalidationsThoughItsServerIsFull) {
  const redis_server server({.config = {"--maxmemory", "3mb", "--maxmemory-policy", "noeviction"}});
  const auto store = open_now(server.url());
  ASSERT_EQ(fill(*store, "strata:first"), fill_result::stored);
  const auto in_flight = sync_wait(store->acquire("strata:second", 60s, 0));
  ASSERT_TRUE(in_flight);
  // Large values first, then small ones: a large one is refused for the room its request takes, too.
  bool full = false;
  int number = 0;
  for (const std::size_t size : {100'000u, 1'000u, 10u}) {
    const std::string bytes(size, 'x');
    full = false;
    for (int i = 0; i < 5000 && !full; ++i) {
      full = !sync_wait(store->put("strata:filler:" + std::to_string(++number), bytes, 60s));
    }
  }
  ASSERT_TRUE(full);
  // OOM is an error, not a lease. The buffers of connections count, too, and free some room now and then.
  EXPECT_TRUE(eventually([&] {
    const auto key = "strata:filler:" + std::to_string(++number);
    return !sync_wait(store->put(key, "x", 60s)) && !sync_wait(store->acquire(key, 60s, 0));
  }));
  EXPECT_THAT(store->health().refusal, HasSubstr("OOM"));
  const std::vector<std::string> keys{"strata:first", "strata:second"};
  const auto floor = sync_wait(store->invalidate(keys, 0));
  ASSERT_TRUE(floor) << floor.error().detail;
  EXPECT_FALSE(holds(*store, "strata:first"));
  const fill_request late{.key = "strata:second",
                          .lease = in_flight->lease,
                          .asof = in_flight->granted_at,
                          .bytes = "old",
                          .ttl = 60s};
  EXPECT_EQ(sync_wait(store->fill(late)).value(), fill_result::below_floor);
  const std::vector<floor_entry> tags{{.bucket = 7}};
  EXPECT_TRUE(sync_wait(store->raise(tags)));
  wait_until_up(*store);
}

TEST(RedisStore, AKeyOfAnotherTypeIsAnUndecodableValueThatTheNextFillReplaces) {
  const auto& server = shared_redis();
  const auto store = open_now(server.url());
  const std::vector<std::vector<std::string>> ways{
      {"RPUSH", "", "x"}, {"SADD", "", "x"}, {"HSET", "", "f", "x"}, {"ZADD", "", "1", "x"}};
  for (std::size_t i = 0; i < ways.size(); ++i) {
    const auto key = "strata:foreign:" + std::to_string(i);
    const auto spoil = [&](const std::string& name) {
      auto words = ways[i];
      words[1] = name;
      server.call({"DEL", name});
      ASSERT_FALSE(server.call(words).is_error());
    };
    spoil(key);
    spoil(lease_name(key));
    EXPECT_EQ(sync_wait(store->get(key)).value()->bytes, "");
    const std::vector<std::string> keys{"strata:absent", key};
    const auto several = sync_wait(store->get_many(keys));
    ASSERT_TRUE(several) << several.error().detail;
    EXPECT_FALSE((*several)[0]);
    EXPECT_EQ((*several)[1]->bytes, "");
    EXPECT_FALSE(sync_wait(store->touch(key, 60s)).value());
    EXPECT_FALSE(sync_wait(store->renew(key, 7, 60s)).value());
    EXPECT_TRUE(sync_wait(store->release(key, 7)));
    EXPECT_TRUE(sync_wait(store->expire(keys, 0)));
    const auto found = sync_wait(store->acquire(key, 60s, 0));
    ASSERT_TRUE(found && found->value);
    const auto right = sync_wait(store->take_lease(key, 60s, 0));
    ASSERT_TRUE(right && right->lease != 0);
    spoil(key);
    EXPECT_EQ(
        sync_wait(store->fill(
            {.key = key, .lease = right->lease, .asof = right->granted_at, .bytes = "ours", .ttl = 60s})),
        fill_result::stored);
    EXPECT_EQ(sync_wait(store->get(key)).value()->bytes, "ours");
    spoil(key);
    EXPECT_TRUE(sync_wait(store->invalidate(keys, 0)));
    EXPECT_FALSE(sync_wait(store->get(key)).value());
  }
}

/// A near cache as simple as can be: what the engine's gate does, for a few keys.
struct near_cache final : store_observer {
  struct slot {
    std::uint64_t changes = 0;
    commit_time asof = 0;  ///< 0: nothing
  };
  void changed(std::string_view key) override {
    std::lock_guard lock(mutex);
    auto& at = slots[std::string(key)];
    ++at.changes;
    at.asof = 0;
  }
  void floor_raised(floor_entry) override {}
  void lost(bool) override {
    std::lock_guard lock(mutex);
    for (auto& [key, at] : slots) at = {.changes = at.changes + 1, .asof = 0};
  }
  void trust_until(time_point, time_point) override {}
  std::uint64_t capture(const std::string& key) {
    std::lock_guard lock(mutex);
    return slots[key].changes;
  }
  void insert(const std::string& key, std::uint64_t captured, commit_time asof) {
    std::lock_guard lock(mutex);
    auto& at = slots[key];
    if (at.changes == captured) at.asof = asof;
  }

  std::mutex mutex;
  std::map<std::string, slot> slots;
};

TEST(RedisStore, LeavesNoCopyThatTheServerNoLongerHasHoweverRaced) {
  const auto& server = shared_redis();
  std::vector<std::shared_ptr<store>> stores;
  std::vector<std::unique_ptr<near_cache>> caches;
  for (int i = 0; i < 2; ++i) {
    stores.push_back(open_now(server.url()));
    caches.push_back(std::make_unique<near_cache>());
    stores.back()->observe(*caches.back());
  }
  std::atomic<std::uint64_t> kept = 0;
  for (int round = 0; round < 40; ++round) {
    std::vector<std::thread> users;
    for (unsigned who = 0; who < 4; ++who) {
      users.emplace_back([&, who] {
        auto& through = *stores[who % 2];
        auto& near = *caches[who % 2];
        for (unsigned i = 0; i < 15; ++i) {
          const std::vector<std::string> keys{"strata:" + std::to_string((i * 7 + who) % 3)};
          const auto& key = keys.front();
          if ((i + who) % 4 == 0) {
            const auto done = sync_wait(through.invalidate(keys, 0));
            if (done) near.changed(key);
            continue;
          }
          const auto captured = near.capture(key);
          const auto right = sync_wait(through.force_lease(key, 10s, 0));
          if (!right) continue;
          const fill_request request{
              .key = key, .lease = right->lease, .asof = right->granted_at, .bytes = "v", .ttl = 60s};
          const auto done = sync_wait(through.fill(request));
          if (done && *done == fill_result::stored) near.insert(key, captured, right->granted_at);
        }
      });
    }
    for (auto& each : users) each.join();
    for (const auto& each : stores) wait_until_notified(*each);
    for (std::size_t i = 0; i < stores.size(); ++i) {
      std::lock_guard lock(caches[i]->mutex);
      for (const auto& [key, at] : caches[i]->slots) {
        if (at.asof == 0) continue;
        ++kept;
        const auto there = decode_header(server.call({"GET", key}).text());
        ASSERT_TRUE(there) << "store " << i << " keeps " << key << ", which was removed, in round " << round;
        ASSERT_EQ(there->asof, at.asof) << "store " << i << ", " << key << ", round " << round;
      }
    }
  }
  EXPECT_GT(kept, 0u);
  for (std::size_t i = 0; i < stores.size(); ++i) stores[i]->unobserve(*caches[i]);
}

TEST(OpenStore, SaysWhatIsWrong) {
  EXPECT_EQ(open_store("http://h").error().code, errc::invalid_argument);
  EXPECT_FALSE(check_store_url("redis://h:0"));
  EXPECT_TRUE(check_store_url("rediss://gate:secret@h:1/2"));
  EXPECT_THROW(static_cast<void>(open_store("redis://h", {.trust_for = 50ms})), bad_options);
  EXPECT_FALSE(check_store_url("redis+sentinel://a,b"));
  EXPECT_TRUE(check_store_url("rediss+sentinel://gate:secret@a:1,b/2?master=main"));
}

TEST(OpenStore, ShowsAUrlWithoutItsPasswords) {
  const std::pair<const char*, const char*> shown[] = {
      {"redis://gate:secret@h:1/2", "redis://gate:***@h:1/2"},
      {"redis://:sec@ret@h", "redis://:***@h"},
      {"redis://h:1/2", "redis://h:1/2"},
      {"memory", "memory"},
      {"redis+sentinel://u:p@a,b?master=m&sentinel-password=secret&name=n",
       "redis+sentinel://u:***@a,b?master=m&sentinel-password=***&name=n"},
      {"redis+sentinel://a?sentinel%2Dpassword=s@ret", "redis+sentinel://a?sentinel%2Dpassword=***"},
      {"postgres://ann:se:cr@et@h/d?sslmode=require", "postgres://ann:***@h/d?sslmode=require"},
      {"postgres://ann:se?cr/et@h/d", "postgres://ann:***@h/d"},
      {"postgres://h/d?password=secret&user=ann", "postgres://h/d?password=***&user=ann"},
      {"postgres://h/d?user=ann&sslpassword=secret", "postgres://h/d?user=ann&sslpassword=***"},
      {"postgres://ann@h:5432/d", "postgres://ann@h:5432/d"},
      {"postgres://h:5432/d?password", "postgres://h:5432/d?password"},
      {"sqlite:a:b@c", "sqlite:a:b@c"},
  };
  for (const auto& [url, expected] : shown) EXPECT_EQ(without_password(url), expected);
}

}  // namespace
}  // namespace strata::redis
