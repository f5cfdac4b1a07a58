/// Reads that must see at least something: what a session wrote through another cache.

#include "engine/engine_test_support.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace {

using namespace strata;
using engine_test::agent;
using engine_test::fixture;
using namespace std::chrono_literals;

TEST(AtLeast, WhatIsOlderIsAMissForWhoAsksAndAHitForTheOthers) {
  fixture f;
  const auto asof = f.read("1", "old").info().asof;
  const auto where = f.agents("1");
  EXPECT_EQ(sync_wait(f.cache.get(where.at_least(asof))).info().from, layer::l1);
  sync_wait(f.cache.remove_by_tag("something else"));  // time goes on
  const auto missed = sync_wait(f.cache.get(where.at_least(asof + 1)));
  EXPECT_FALSE(missed);
  EXPECT_EQ(missed.info().reason, miss_reason::behind);
  EXPECT_EQ(sync_wait(f.cache.get(where))->name, "old");

  const auto filled =
      sync_wait(f.cache.get_or_set(where.at_least(asof + 1), [] { return agent{"1", "new"}; }));
  EXPECT_EQ(filled->name, "new");
  EXPECT_EQ(filled.info().reason, miss_reason::behind);
  EXPECT_TRUE(filled.info().stored);
  EXPECT_EQ(sync_wait(f.cache.get(where.at_least(asof + 1)))->name, "new");
  EXPECT_EQ(sync_wait(f.cache.get(where))->name, "new");
}

TEST(AtLeast, WhatIsOlderDoesNotStandInForASourceThatFails) {
  fixture f;
  const policy rules{.ttl = 60s, .jitter = 0, .fail_safe = true};
  const auto where = f.agents("1").with(rules);
  const auto asof = sync_wait(f.cache.get_or_set(where, [] { return agent{"1", "old"}; })).info().asof;
  f.time.advance(61s);
  const auto broken = [] { return result<agent>(fail(errc::database_unavailable, "gone")); };
  const auto refused = sync_wait(f.cache.get_or_set(where.at_least(asof + 1), broken));
  ASSERT_NE(refused.failure(), nullptr);
  EXPECT_EQ(refused.failure()->code, errc::database_unavailable);
  EXPECT_EQ(sync_wait(f.cache.get_or_set(where, broken))->name, "old");
}

TEST(AtLeast, AFollowerWaitsForAFlightThatBeganAfterItCame) {
  fixture f;
  async_latch begun;
  async_latch go_on;
  const auto where = f.agents("1");
  const auto slow = [&]() -> task<agent> {
    begun.set();
    co_await go_on.wait();
    co_return agent{"1", "old"};
  };
  run_loop loop;
  int done = 0;
  start(&loop, f.cache.get_or_set(where, slow), [&](const auto& outcome) {
    EXPECT_EQ((*outcome)->name, "old");
    ++done;
  });
  loop.run_until([&] { return begun.is_set(); });
  sync_wait(f.cache.remove_by_tag("something else"));
  const auto least = f.cache.stats().clock;
  start(&loop, f.cache.get_or_set(where, [] { return agent{"1", "not called"}; }), [&](const auto& outcome) {
    EXPECT_EQ((*outcome)->name, "old");
    ++done;
  });
  start(&loop, f.cache.get_or_set(where.at_least(least), [] { return agent{"1", "new"}; }),
        [&](const auto& outcome) {
          EXPECT_EQ((*outcome)->name, "new");
          ++done;
        });
  go_on.set();
  loop.run_until([&] { return done == 3; });
  EXPECT_EQ(f.read("1", "never")->name, "new");
}

TEST(AtLeast, AFollowerKeepsItsStaleValueThoughItsLeaderMayNotHaveIt) {
  fixture f;
  const policy rules{.ttl = 60s, .jitter = 0, .fail_safe = true};
  const auto where = f.agents("1").with(rules);
  const auto asof = sync_wait(f.cache.get_or_set(where, [] { return agent{"1", "old"}; })).info().asof;
  f.time.advance(61s);
  async_latch begun;
  async_latch go_on;
  const auto broken = [&]() -> task<result<agent>> {
    begun.set();
    co_await go_on.wait();
    co_return fail(errc::database_unavailable, "gone");
  };
  run_loop loop;
  int done = 0;
  start(&loop, f.cache.get_or_set(where.at_least(asof + 1), broken), [&](const auto& outcome) {
    EXPECT_NE(outcome->failure(), nullptr);
    ++done;
  });
  loop.run_until([&] { return begun.is_set(); });
  start(&loop, f.cache.get_or_set(where, [] { return agent{"1", "not called"}; }), [&](const auto& outcome) {
    EXPECT_TRUE(*outcome);
    EXPECT_TRUE(outcome->info().stale);
    ++done;
  });
  go_on.set();
  loop.run_until([&] { return done == 2; });
}

TEST(AtLeast, HoldsForBatches) {
  fixture f;
  const auto asof = f.read("1", "old").info().asof;
  sync_wait(f.cache.remove_by_tag("something else"));
  f.read("2", "new enough");
  const auto wanted = [&] {
    return std::vector{f.agents("1").at_least(asof + 1), f.agents("2").at_least(asof + 1)};
  };
  const auto found = sync_wait(f.cache.get_many(wanted()));
  EXPECT_EQ(found[0].info().reason, miss_reason::behind);
  EXPECT_TRUE(found[1]);
  const auto filled = sync_wait(f.cache.get_or_set_many(wanted(), [](std::span<const std::size_t> missing) {
    EXPECT_EQ(missing.size(), 1u);
    return std::vector<std::optional<agent>>{agent{"1", "new"}};
  }));
  EXPECT_EQ(filled[0]->name, "new");
  EXPECT_EQ(filled[1]->name, "new enough");
}

TEST(Bypassing, AsksTheSourceAndLeavesWhatIsCached) {
  fixture f;
  f.read("1", "cached");
  const auto around = f.agents("1").bypassing();
  const auto read = sync_wait(f.cache.get_or_set(around, [] { return agent{"1", "now"}; }));
  EXPECT_EQ(read->name, "now");
  EXPECT_EQ(read.info().from, layer::source);
  EXPECT_EQ(read.info().reason, miss_reason::bypassed);
  EXPECT_FALSE(read.info().stored);
  EXPECT_EQ(sync_wait(f.cache.get(around)).info().reason, miss_reason::bypassed);
  EXPECT_EQ(f.read("1", "never")->name, "cached");
  const auto many = sync_wait(f.cache.get_or_set_many(
      std::vector{around}, [](auto) { return std::vector<std::optional<agent>>{agent{"1", "now"}}; }));
  EXPECT_EQ(many[0]->name, "now");
  EXPECT_EQ(f.read("1", "never")->name, "cached");
}

/// Two caches over one store; changes reach B too late.
struct deaf_pair {
  strata::testing::manual_clock time;
  std::shared_ptr<memory_server> server = make_memory_server(time);
  std::shared_ptr<strata::testing::faulty_store> ear =
      std::make_shared<strata::testing::faulty_store>(connect(server));
  std::shared_ptr<strata::testing::faulty_store> mouth =
      std::make_shared<strata::testing::faulty_store>(connect(server));
  cache a{fixture::on(time, {.second_level = mouth})};
  cache b{fixture::on(time, {.second_level = ear})};
  entity<agent, "agent:{id}"> agents{{.ttl = 60s, .jitter = 0, .tags = {"agents"}}};

  lookup<agent> read(cache& from, typed_key<agent> where, const char* name) {
    return sync_wait(from.get_or_set(where, [&] { return agent{"1", name}; }));
  }
};

TEST(WriteMark, ShowsASessionWhatItWroteThroughACacheThatSharesTheStore) {
  for (const bool by_tag : {true, false}) {
    deaf_pair p;
    const auto where = p.agents("1");
    p.read(p.b, where, "old");
    p.ear->mute(true);
    if (by_tag) {
      sync_wait(p.a.remove_by_tag("agents"));
    } else {
      sync_wait(p.a.remove(where));
    }
    const auto mark = p.a.latest_write();
    EXPECT_EQ(p.a.required_asof(mark), 0u) << "the cache that was written through has nothing to wait for";
    EXPECT_EQ(p.read(p.b, where, "never")->name, "old") << "B has not heard of it";
    const auto least = p.b.required_asof(mark);
    const auto read = p.read(p.b, where.at_least(least), "new");
    EXPECT_EQ(read->name, "new");
    EXPECT_EQ(read.info().reason, miss_reason::behind);
    EXPECT_EQ(p.read(p.b, where.at_least(p.b.required_asof(mark)), "never").info().from, layer::l1)
        << "one miss, and it is new enough";
  }
}

TEST(WriteMark, WhatTheStoreWasNotToldIsReadFromTheSource) {
  deaf_pair p;
  const auto where = p.agents("1");
  p.read(p.b, where, "old");
  p.mouth->fail({});
  sync_wait(p.a.remove(where));
  const auto mark = p.a.latest_write();
  EXPECT_EQ(mark.at, last_commit_time);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(p.read(p.b, where.at_least(p.b.required_asof(mark)), "new")->name, "new");
  }
}

TEST(WriteMark, OfACacheThatSharesNothingIsAsOfWhenItWasShown) {
  fixture a;
  fixture b;
  b.read("1", "old");
  sync_wait(a.cache.remove(a.agents("1")));
  const auto mark = a.cache.latest_write();
  const auto where = b.agents("1");
  const auto least = b.cache.required_asof(mark);
  EXPECT_EQ(sync_wait(b.cache.get(where.at_least(least))).info().reason, miss_reason::behind);
  EXPECT_EQ(sync_wait(b.cache.get_or_set(where.at_least(least), [] { return agent{"1", "new"}; }))->name,
            "new");
  EXPECT_EQ(b.cache.required_asof(mark), least) << "it is shown again";
  EXPECT_TRUE(sync_wait(b.cache.get(where.at_least(least))));
  // A store's cache cannot know what such a mark means to the others of its store.
  deaf_pair p;
  EXPECT_EQ(p.b.required_asof(mark), last_commit_time);
}

TEST(WriteMark, AMadeUpTimeMovesNoClock) {
  deaf_pair p;
  const auto before = p.b.stats().clock;
  const auto read =
      p.read(p.b, p.agents("1").at_least(p.b.required_asof({1, true, last_commit_time - 1})), "new");
  EXPECT_EQ(read->name, "new");
  EXPECT_LT(p.b.stats().clock, before + 1024);
}

/// Threads that write through A and at once read through B, whose pushes come when they come.
TEST(WriteMark, OwnWritesAreReadWhateverIsUnderWay) {
  deaf_pair p;
  const auto where = p.agents("1");
  std::atomic<int> source = 0;
  std::atomic<int> missed = 0;
  std::atomic<int> writing = 2;
  const auto load = [&] { return agent{"1", std::to_string(source.load())}; };
  p.ear->mute(true);
  std::vector<std::thread> threads;
  for (int writer = 0; writer < 2; ++writer) {
    threads.emplace_back([&, writer] {
      for (int i = 0; i < 300; ++i) {
        const int written = ++source;
        if ((i + writer) % 2 == 0) {
          sync_wait(p.a.remove(where));
        } else {
          sync_wait(p.a.remove_by_tag("agents"));
        }
        const auto least = p.b.required_asof(p.a.latest_write());
        const auto read = sync_wait(p.b.get_or_set(where.at_least(least), load));
        if (!read || std::stoi(read->name) < written) ++missed;
      }
      --writing;
    });
  }
  threads.emplace_back([&] {
    while (writing > 0) sync_wait(p.b.get_or_set(where, load));
  });
  for (auto& each : threads) each.join();
  EXPECT_EQ(missed, 0);
}

}  // namespace
