/// Two caches over one store, as two processes have them.

#include "engine/engine_test_support.hpp"

#include <gtest/gtest.h>
#include <random>
#include <thread>

namespace {

using namespace strata;
using engine_test::agent;
using engine_test::fixture;
using namespace std::chrono_literals;

struct pair_of_caches {
  strata::testing::manual_clock time;
  std::shared_ptr<memory_server> server = make_memory_server(time);
  cache a{fixture::on(time, {.second_level = connect(server)})};
  cache b{fixture::on(time, {.second_level = connect(server)})};
  entity<agent, "agent:{id}"> agents{{.ttl = 60s, .jitter = 0, .tags = {"agents"}}};

  /// A has counted far on, and B has heard of nothing.
  void count_on() {
    for (int i = 0; i < 1000; ++i) sync_wait(a.remove(agents("nobody")));
  }
  lookup<agent> read(cache& from, const char* name) {
    return sync_wait(from.get_or_set(agents("1"), [&] { return agent{"1", name}; }));
  }
};

TEST(TwoCaches, ShareWhatOneOfThemFilled) {
  pair_of_caches p;
  p.read(p.a, "Ada");
  const auto read = p.read(p.b, "never");
  EXPECT_EQ(read->name, "Ada");
  EXPECT_EQ(read.info().from, layer::l2);
  EXPECT_EQ(p.read(p.b, "never").info().from, layer::l1);
}

TEST(TwoCaches, KeepTheTimeToLiveOfTheFirstFill) {
  pair_of_caches p;
  p.read(p.a, "old");
  p.time.advance(50s);
  EXPECT_EQ(p.read(p.b, "new").info().ttl, duration(10s));
  p.time.advance(10s);
  EXPECT_EQ(p.read(p.b, "new")->name, "new");
}

TEST(TwoCaches, AnExpiredValuesStaleWindowDoesNotBeginAnewWithEachRead) {
  pair_of_caches p;
  p.agents = entity<agent, "agent:{id}">(
      {.ttl = 10s, .jitter = 0, .fail_safe = true, .grace = 1h, .stale_while_revalidate = 5s});
  p.read(p.a, "old");
  sync_wait(p.a.expire(p.agents("1")));
  p.time.advance(14s);
  EXPECT_TRUE(sync_wait(p.b.get(p.agents("1"))).info().stale);
  cache c(fixture::on(p.time, {.second_level = connect(p.server)}));
  p.time.advance(2s);
  EXPECT_FALSE(sync_wait(c.get(p.agents("1")))) << "16 s after the fill, and 6 after its time";
}

TEST(TwoCaches, SeeEachOthersInvalidations) {
  for (int way = 0; way < 5; ++way) {
    pair_of_caches p;
    p.read(p.a, "old");
    p.read(p.b, "old");
    switch (way) {
      case 0:
        sync_wait(p.a.remove(p.agents("1")));
        break;
      case 1:
        sync_wait(p.a.remove_by_tag("agents"));
        break;
      case 2:
        sync_wait(p.a.remove_by_prefix("agent"));
        break;
      case 3:
        sync_wait(p.a.remove_pattern("*:1"));
        break;
      default:
        sync_wait(p.a.clear());
    }
    EXPECT_EQ(p.read(p.b, "new")->name, "new") << way;
    EXPECT_EQ(p.read(p.a, "newer")->name, "new") << way;
  }
}

TEST(TwoCaches, AnInvalidationReachesWhatAProcessFarAheadHasStored) {
  for (int way = 0; way < 6; ++way) {
    pair_of_caches p;
    p.count_on();
    p.read(p.a, "old");
    EXPECT_LT(p.b.stats().clock, 1000u);
    switch (way) {
      case 0:
        sync_wait(p.b.remove(p.agents("1")));
        break;
      case 1:
        sync_wait(p.b.remove_by_tag("agents"));
        break;
      case 2:
        sync_wait(p.b.remove_by_prefix("agent"));
        break;
      case 3:
        sync_wait(p.b.remove_pattern("*:1"));
        break;
      case 4:
        sync_wait(p.b.expire(p.agents("1")));
        break;
      default:
        sync_wait(p.b.clear());
    }
    EXPECT_EQ(p.read(p.b, "new")->name, "new") << way;
    EXPECT_EQ(p.read(p.a, "newer")->name, "new") << way;
    EXPECT_GT(p.b.stats().clock, 1000u);
  }
}

TEST(TwoCaches, AWriteReplacesWhatAProcessFarAheadHasStored) {
  pair_of_caches p;
  p.count_on();
  p.read(p.a, "old");
  EXPECT_TRUE(sync_wait(p.b.set(p.agents("1"), agent{"1", "new"})));
  EXPECT_EQ(p.read(p.b, "never")->name, "new");
  EXPECT_EQ(p.read(p.a, "never")->name, "new");
}

TEST(TwoCaches, SeeEachOthersWrites) {
  pair_of_caches p;
  p.read(p.b, "old");
  sync_wait(p.a.set(p.agents("1"), agent{"1", "new"}));
  EXPECT_EQ(p.read(p.b, "never")->name, "new");
}

TEST(TwoCaches, ShareAbsence) {
  pair_of_caches p;
  sync_wait(p.a.get_or_set(p.agents("1"), []() -> std::optional<agent> { return std::nullopt; }));
  EXPECT_TRUE(sync_wait(p.b.get(p.agents("1"))).known_absent());
}

TEST(TwoCaches, ALateJoinerKnowsTheFloorsRaisedBefore) {
  pair_of_caches p;
  p.read(p.a, "old");
  sync_wait(p.a.remove_by_tag("agents"));
  cache late(fixture::on(p.time, {.second_level = connect(p.server)}));
  EXPECT_EQ(p.read(late, "new")->name, "new");
}

TEST(TwoCaches, NamespacesKeepThemApart) {
  pair_of_caches p;
  cache other(fixture::on(p.time, {.second_level = connect(p.server, "other"), .name_space = "other"}));
  p.read(p.a, "Ada");
  EXPECT_EQ(p.read(other, "Bob")->name, "Bob");
}

TEST(TwoCaches, ACacheRejectsAStoreOfAnotherNameSpace) {
  pair_of_caches p;
  EXPECT_THROW(cache(fixture::on(p.time, {.second_level = connect(p.server, "shop")})), bad_options);
  EXPECT_THROW(cache(fixture::on(p.time, {.second_level = connect(p.server), .name_space = "shop"})),
               bad_options);
  EXPECT_NO_THROW(cache(fixture::on(p.time, {.second_level = connect(p.server, "")})));
}

TEST(TwoCaches, ACorruptEntryIsAMissWithItsReason) {
  pair_of_caches p;
  const auto raw = connect(p.server);
  sync_wait(raw->put("strata:agent:1", "S1 but not really", 60s));
  const auto read = p.read(p.a, "Ada");
  EXPECT_EQ(read->name, "Ada");
  EXPECT_EQ(read.info().reason, miss_reason::undecodable);
  EXPECT_EQ(p.read(p.b, "never")->name, "Ada");
}

TEST(TwoCaches, ASlowFillOfOneCannotUndoAWriteOfTheOther) {
  pair_of_caches p;
  run_loop loop;
  async_latch slow;
  start(&loop,
        p.a.get_or_set(p.agents("1"),
                       [&]() -> task<agent> {
                         co_await slow.wait();
                         co_return agent{"1", "old"};
                       }),
        [](const completion<lookup<agent>>&) {});
  sync_wait(p.b.remove(p.agents("1")));
  slow.set();
  while (loop.run_ready() != 0) {
  }
  EXPECT_EQ(p.read(p.b, "new")->name, "new");
  EXPECT_EQ(p.read(p.a, "newer")->name, "new");
}

// The address sanitizer sees it at once if not.
TEST(TwoCaches, OneThatIsGoneIsToldNothingMore) {
  pair_of_caches p;
  for (int i = 0; i < 20; ++i) {
    {
      const cache gone(fixture::on(p.time, {.second_level = connect(p.server)}));
    }
    const std::vector<std::byte> over_it(4096, std::byte(0xff));
    p.read(p.a, "Ada");
    sync_wait(p.b.remove(p.agents("1")));
  }
  EXPECT_EQ(p.read(p.a, "Bob")->name, "Bob");
}

TEST(TwoCaches, NoReadIsOlderThanAWriteThatReturnedBefore) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  const auto server = make_memory_server();
  std::vector<std::unique_ptr<cache>> caches;
  for (int i = 0; i < 2; ++i)
    caches.push_back(std::make_unique<cache>(cache_options{.second_level = connect(server)}));
  const entity<std::int64_t, "counter:{id}"> counters{{.tags = {"counters"}}};
  std::atomic<std::int64_t> database = 0;
  std::atomic<std::int64_t> returned = 0;
  std::atomic<bool> stop = false;
  std::atomic<int> violations = 0;
  std::vector<std::thread> readers;
  for (unsigned i = 0; i < 3; ++i) {
    readers.emplace_back([&, i] {
      std::mt19937 random(seed + i);
      while (!stop) {
        const auto at_least = returned.load();
        auto& from = *caches[random() % 2];
        const auto found = sync_wait(from.get_or_set(counters(1), [&] {
          const auto value = database.load();
          if (random() % 4 == 0) std::this_thread::yield();
          return value;
        }));
        if (*found < at_least) ++violations;
      }
    });
  }
  std::mt19937 random(seed);
  for (int i = 0; i < 3000; ++i) {
    auto& by = *caches[random() % 2];
    auto ticket = sync_wait(by.begin_write(counters(1)));
    const auto version = ++database;
    switch (random() % 3) {
      case 0:
        sync_wait(by.remove(counters(1)));
        break;
      case 1:
        sync_wait(by.remove_by_tag("counters"));
        break;
      default:
        sync_wait(
            by.set_committed(std::move(ticket), counters(1), std::make_shared<const std::int64_t>(version)));
    }
    returned = version;
  }
  stop = true;
  for (auto& each : readers) each.join();
  EXPECT_EQ(violations, 0);
}

}  // namespace
