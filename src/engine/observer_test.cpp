/// Hooks that are called by memory rather than by a read, and policies that hold for one call.

#include "engine/engine_test_support.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

namespace {

using namespace strata;
using namespace std::chrono_literals;
using engine_test::agent;
using engine_test::fixture;
using ::testing::ElementsAre;
using ::testing::Pair;

struct departures : cache_observer {
  std::vector<std::pair<std::string, miss_reason>> seen;
  void on_evict(std::string_view key, miss_reason why) override { seen.emplace_back(key, why); }
};

TEST(Observer, IsToldOfWhatExpires) {
  const auto watching = std::make_shared<departures>();
  fixture f({.observer = watching});
  f.read("1", "Ada");
  f.time.advance(120s);
  f.cache.maintain();
  EXPECT_THAT(watching->seen, ElementsAre(Pair("agent:1", miss_reason::expired)));
}

TEST(Observer, IsToldOfWhatIsEvictedAndNotOfWhatIsRemoved) {
  const auto watching = std::make_shared<departures>();
  fixture f({.memory = {256u << 10}, .observer = watching});
  f.read("removed", "Ada");
  sync_wait(f.cache.remove(f.agents("removed")));
  for (int i = 0; i < 2000; ++i) f.read(std::to_string(i), std::string(500, 'x'));
  const auto stats = f.cache.stats();
  ASSERT_GT(stats.evictions, 0u);
  EXPECT_EQ(watching->seen.size(), stats.evictions);
  std::set<std::string> evicted;
  for (const auto& [key, why] : watching->seen) {
    EXPECT_EQ(why, miss_reason::evicted);
    EXPECT_TRUE(evicted.insert(key).second) << key << " left twice";
  }
  EXPECT_FALSE(evicted.contains("agent:removed"));
  // A read also reports the reason of the last departure.
  const auto& last = watching->seen.back().first;
  EXPECT_EQ(sync_wait(f.cache.get(f.agents(last.substr(6)))).info().reason, miss_reason::evicted);
}

TEST(PolicyOfACall, HoldsForThatCallOnly) {
  fixture f;
  const auto brief = f.agents("1").with({.ttl = 5s, .jitter = 0, .tags = {"brief"}});
  EXPECT_EQ(sync_wait(f.cache.get_or_set(brief, [] { return agent{"1", "Ada"}; })).info().ttl, duration(5s));
  EXPECT_EQ(f.read("2", "Bea").info().ttl, duration(60s)) << "the entity's own is as it was";
  // It is the same key, and what was stored keeps the life and the tags it was stored with.
  EXPECT_EQ(f.read("1", "never").info().from, layer::l1);
  sync_wait(f.cache.remove_by_tag("brief"));
  EXPECT_EQ(f.read("1", "new").info().reason, miss_reason::tag);
  EXPECT_EQ(f.read("1", "never").info().ttl, duration(60s));
}

TEST(PolicyOfACall, DecidesWhetherThisReaderTakesAStaleValue) {
  fixture f;
  policy safe{.ttl = 60s, .jitter = 0, .fail_safe = true};
  const auto failing = []() -> result<agent> { return fail(errc::database_unavailable, "down"); };
  sync_wait(f.cache.set(f.agents("1").with(safe), agent{"1", "old"}));
  f.time.advance(61s);
  EXPECT_NE(sync_wait(f.cache.get_or_set(f.agents("1"), failing)).failure(), nullptr);
  const auto stale = sync_wait(f.cache.get_or_set(f.agents("1").with(safe), failing));
  ASSERT_TRUE(stale);
  EXPECT_TRUE(stale.info().stale);
}

TEST(PolicyOfACall, IsCheckedAsAnEntitysIs) {
  fixture f;
  try {
    (void)f.agents("1").with({.ttl = 0s, .jitter = 2});
    FAIL() << "bad rules were taken";
  } catch (const bad_options& wrong) {
    EXPECT_EQ(wrong.problems().size(), 2u);
  }
}

TEST(FillContext, AValueOlderThanAnInvalidationIsReturnedAndNotStored) {
  fixture f;
  const auto where = f.agents("1").with({.ttl = 60s, .jitter = 0, .tags = {"team"}});
  sync_wait(f.cache.remove_by_tag("team"));
  // A replica answers with a snapshot from before the removal.
  const auto lagging = sync_wait(f.cache.get_or_set(where, [](fill_context& fill) {
    EXPECT_GT(fill.asof(), 0u);
    fill.set_asof(0);
    return agent{"1", "old"};
  }));
  EXPECT_EQ(lagging->name, "old");
  EXPECT_FALSE(lagging.info().stored);
  EXPECT_EQ(lagging.info().reason, miss_reason::fenced);
  EXPECT_FALSE(sync_wait(f.cache.get(where)));
}

TEST(FillContext, ATimeThatIsLaterThanTheFactorysStartHidesNoInvalidation) {
  fixture f;
  const auto where = f.agents("1").with({.ttl = 60s, .jitter = 0});
  const auto read = sync_wait(f.cache.get_or_set(where, [&](fill_context& fill) {
    fill.set_asof(fill.asof() + 1'000'000);  // a database's, say
    sync_wait(f.cache.remove(where));
    return agent{"1", "old"};
  }));
  EXPECT_FALSE(read.info().stored);
  EXPECT_EQ(read.info().reason, miss_reason::fenced);
  EXPECT_FALSE(sync_wait(f.cache.get(where)));
  EXPECT_LT(f.cache.stats().clock, 1'000u);

  const std::vector all{where};
  const auto many =
      sync_wait(f.cache.get_or_set_many(all, [&](std::span<const std::size_t>, fill_context& fill) {
        fill.set_asof(fill.asof() + 1'000'000);
        sync_wait(f.cache.remove(where));
        return std::vector<std::optional<agent>>{agent{"1", "old"}};
      }));
  EXPECT_FALSE(many.front().info().stored);
  EXPECT_FALSE(sync_wait(f.cache.get(where)));
}

}  // namespace
