/// A cache that is turned off and on.

#include "engine/two_stages_test_support.hpp"

#include <gtest/gtest.h>

namespace {

using namespace strata;
using engine_test::agent;
using engine_test::fixture;
using engine_test::stage;
using engine_test::two_stages;
using namespace std::chrono_literals;

const policy plain{.ttl = 60s, .jitter = 0, .tags = {"agents"}};

TEST(Enabled, ADisabledCacheAsksTheSourceAndStoresNothing) {
  fixture f({.enabled = false});
  EXPECT_FALSE(f.cache.enabled());
  for (const auto* name : {"one", "two"}) {
    const auto read = f.read("1", name);
    EXPECT_EQ(read->name, name);
    EXPECT_FALSE(read.info().stored);
    EXPECT_EQ(read.info().reason, miss_reason::bypassed);
  }
  EXPECT_FALSE(sync_wait(f.cache.set(f.agents("1"), agent{"1", "set"})));
  const std::vector wanted{f.agents("1"), f.agents("2")};
  const auto batch = sync_wait(f.cache.get_or_set_many(wanted, [](std::span<const std::size_t> missing) {
    EXPECT_EQ(missing.size(), 2U);
    return std::vector<std::optional<agent>>(missing.size(), agent{"1", "batch"});
  }));
  EXPECT_EQ(batch[1]->name, "batch");
  for (const auto& each : sync_wait(f.cache.get_many(wanted))) EXPECT_FALSE(each);
  EXPECT_EQ(sync_wait(f.cache.refresh(f.agents("1"), [] { return agent{"1", "refreshed"}; }))->name,
            "refreshed");
  EXPECT_FALSE(sync_wait(f.cache.get(f.agents("1"))));
  const auto stats = f.cache.stats();
  EXPECT_FALSE(stats.enabled);
  EXPECT_EQ(stats.entries, 0U);
  EXPECT_EQ(sync_wait(f.cache.explain(f.agents("1").key)).next_read,
            "The next read calls the factory, because the cache is disabled.");
}

TEST(Enabled, ItMayBeTurnedOffAndOnWhileItRuns) {
  fixture f;
  f.read("1", "old");
  f.cache.disable();
  EXPECT_EQ(f.cache.stats().entries, 0U);
  EXPECT_EQ(f.read("1", "new")->name, "new");
  f.cache.enable();
  EXPECT_EQ(f.read("1", "newer")->name, "newer");
  EXPECT_EQ(f.read("1", "unused")->name, "newer");
}

/// What the first of two processes does while its cache is off, and what both may read afterwards.
struct change {
  const char* what;
  void (*make)(two_stages&);
};
const change changes[] = {
    {"set",
     [](two_stages& p) { EXPECT_FALSE(sync_wait(p.a.store.set(p.a.agents("1"), agent{"1", "new"}))); }},
    {"set_many",
     [](two_stages& p) {
       EXPECT_EQ(sync_wait(p.a.store.set_many(std::vector{std::pair(p.a.agents("1"), agent{"1", "new"})})),
                 0U);
     }},
    {"set_committed",
     [](two_stages& p) {
       auto ticket = sync_wait(p.a.store.begin_write(p.a.agents("1")));
       const auto value = std::make_shared<const agent>("1", "new");
       EXPECT_FALSE(sync_wait(p.a.store.set_committed(std::move(ticket), p.a.agents("1"), value)));
     }},
    {"set_absent", [](two_stages& p) { sync_wait(p.a.store.set_absent(p.a.agents("1"))); }},
    {"remove", [](two_stages& p) { sync_wait(p.a.store.remove(p.a.agents("1"))); }},
    {"take", [](two_stages& p) { EXPECT_FALSE(sync_wait(p.a.store.take(p.a.agents("1")))); }},
    {"expire", [](two_stages& p) { sync_wait(p.a.store.expire(p.a.agents("1"))); }},
    {"tag", [](two_stages& p) { sync_wait(p.a.store.remove_by_tag("agents")); }},
    {"prefix", [](two_stages& p) { sync_wait(p.a.store.remove_by_prefix("agent")); }},
    {"pattern", [](two_stages& p) { sync_wait(p.a.store.remove_pattern("ag*1")); }},
    {"clear", [](two_stages& p) { sync_wait(p.a.store.clear()); }},
    {"a write by the other process",
     [](two_stages& p) { sync_wait(p.b.store.set(p.b.agents("1"), agent{"1", "theirs"})); }},
    {"a removal by the other process", [](two_stages& p) { sync_wait(p.b.store.remove(p.b.agents("1"))); }},
};

TEST(Enabled, NothingOlderThanAChangeIsServedAfterwards) {
  for (const auto& each : changes) {
    for (const bool away : {false, true}) {  // the store, while the change is made
      two_stages p(plain);
      two_stages::read(p.a, "old");
      two_stages::read(p.b, "old");
      p.a.store.disable();
      if (away) p.below_a->fail({});
      each.make(p);
      p.below_a->heal();
      p.a.store.enable();
      for (int second = 0; away && second < 12; ++second) p.advance(1s);
      for (auto* by : {&p.a, &p.b}) {
        const auto read = sync_wait(by->store.get(by->agents("1")));
        EXPECT_TRUE(!read || read->name != "old") << each.what << (away ? ", away" : "");
      }
    }
  }
}

TEST(Enabled, AFactoryThatRanMeanwhileStoresNothing) {
  stage s(plain);
  async_latch loaded;
  const auto read = s.read([&]() -> task<agent> {
    co_await loaded.wait();
    co_return agent{"1", "late"};
  });
  s.store.disable();
  loaded.set();
  s.settle();
  ASSERT_TRUE(read->got && *read->got);
  EXPECT_FALSE(read->got->info().stored);
  s.store.enable();
  EXPECT_FALSE(sync_wait(s.store.get(s.agents("1"))));
}

TEST(Enabled, WhatOthersStoredIsServedAgain) {
  two_stages p(plain);
  p.a.store.disable();
  two_stages::read(p.b, "theirs");
  EXPECT_EQ(two_stages::read(p.a, "own")->name, "own");
  p.a.store.enable();
  EXPECT_EQ(two_stages::read(p.a, "own")->name, "theirs");
}

}  // namespace
