/// What one caller sees of a cache: hits, misses and their reasons, lifetimes.

#include "engine/engine_test_support.hpp"

#include <gtest/gtest.h>
#include <stdexcept>

namespace {

using namespace strata;
using engine_test::agent;
using engine_test::fixture;
using namespace std::chrono_literals;

TEST(Cache, RunsTheFactoryOnAMissAndNotOnAHit) {
  fixture f;
  const auto miss = f.read("1", "Ada");
  EXPECT_EQ(miss->name, "Ada");
  EXPECT_EQ(miss.info().from, layer::source);
  EXPECT_EQ(miss.info().reason, miss_reason::absent);
  EXPECT_TRUE(miss.info().stored);
  const auto hit = f.read("1", "never called");
  EXPECT_EQ(hit->name, "Ada");
  EXPECT_EQ(hit.info().from, layer::l1);
  EXPECT_EQ(hit.info().ttl, duration(60s));
}

TEST(Cache, AnswersAHitWithoutACoroutine) {
  fixture f;
  f.read("1", "Ada");
  EXPECT_TRUE(f.cache.get(f.agents("1")).is_ready());
  EXPECT_TRUE(f.cache.get_or_set(f.agents("1"), [] { return agent{}; }).is_ready());
}

TEST(Cache, SharesOneValueWithEveryHit) {
  fixture f;
  f.read("1", "Ada");
  EXPECT_EQ(f.read("1", "").value().get(), f.read("1", "").value().get());
}

TEST(Cache, EvictsDownToASmallerBudgetAtOnceAndFillsALargerOne) {
  fixture f;
  strata::cache cache({.memory = {1u << 20}, .eviction = eviction_policy::lru, .time = &f.time});
  const entity<std::string, "page:{id}"> pages{{.ttl = 60s}};
  const auto fill = [&] {
    for (int id = 0; id < 2000; ++id) sync_wait(cache.set(pages(id), std::string(1000, 'x')));
  };
  fill();
  const auto before = cache.stats();
  cache.resize({256u << 10});
  const auto small = cache.stats();
  EXPECT_EQ(small.budget, byte_size{256u << 10});
  EXPECT_LE(small.used, small.budget);
  EXPECT_LT(small.entries, before.entries / 2);
  EXPECT_GT(small.entries, 0u);
  cache.resize({4u << 20});
  fill();
  EXPECT_EQ(cache.stats().entries, 2000u);
  EXPECT_THROW(cache.resize({1000}), bad_options);
  EXPECT_EQ(cache.stats().entries, 2000u);
}

TEST(Cache, KeepsWhatItsEvictionPolicySays) {
  fixture f;
  // All that was read once stands in the order of use with LRU: the first half goes, the second stays.
  // S3-CAMP evicts new keys that are not read again.
  const entity<std::string, "page:{id}"> pages{{.ttl = 60s}};
  const auto survivors = [&](eviction_policy policy) {
    strata::cache cache({.memory = {256u << 10}, .eviction = policy, .time = &f.time});
    for (int id = 0; id < 20; ++id) sync_wait(cache.set(pages(id), std::string(1000, 'x')));
    for (int round = 0; round < 3; ++round) {
      for (int id = 0; id < 20; ++id) EXPECT_TRUE(sync_wait(cache.get(pages(id))));
    }
    for (int id = 1000; id < 2000; ++id) sync_wait(cache.set(pages(id), std::string(1000, 'x')));
    int left = 0;
    for (int id = 0; id < 20; ++id) left += sync_wait(cache.get(pages(id))) ? 1 : 0;
    return left;
  };
  EXPECT_EQ(survivors(eviction_policy::lru), 0);
  EXPECT_EQ(survivors(eviction_policy::s3fifo), 20);
  EXPECT_EQ(survivors(eviction_policy::s3camp), 20);
}

TEST(Cache, LetsAValueExpireExactlyAtItsTimeToLive) {
  fixture f;
  f.read("1", "old");
  f.time.advance(60s - 1ns);
  EXPECT_EQ(f.read("1", "new")->name, "old");
  f.time.advance(1ns);
  const auto read = f.read("1", "new");
  EXPECT_EQ(read->name, "new");
  EXPECT_EQ(read.info().reason, miss_reason::expired);
}

TEST(Cache, ShortensTimesToLiveByTheJitterAndNoMore) {
  fixture f;
  bool differ = false;
  for (int i = 0; i < 200; ++i) {
    const auto where = f.agents(i).with({.ttl = 100s, .jitter = 0.2});
    const auto read = sync_wait(f.cache.get_or_set(where, [] { return agent{}; }));
    EXPECT_LE(read.info().ttl, duration(100s));
    EXPECT_GE(read.info().ttl, duration(80s));
    differ = differ || read.info().ttl < duration(90s);
  }
  EXPECT_TRUE(differ);
}

TEST(Cache, RemembersThatThereIsNothing) {
  fixture f;
  int calls = 0;
  const auto nothing = [&]() -> std::optional<agent> {
    ++calls;
    return std::nullopt;
  };
  const auto first = sync_wait(f.cache.get_or_set(f.agents("1"), nothing));
  EXPECT_FALSE(first);
  EXPECT_TRUE(first.known_absent());
  const auto second = sync_wait(f.cache.get_or_set(f.agents("1"), nothing));
  EXPECT_TRUE(second.known_absent());
  EXPECT_EQ(second.info().from, layer::l1);
  EXPECT_EQ(calls, 1);
  f.time.advance(10s);
  sync_wait(f.cache.get_or_set(f.agents("1"), nothing));
  EXPECT_EQ(calls, 2);
}

TEST(Cache, DoesNotRememberAbsenceWhereThePolicySaysSo) {
  fixture f;
  int calls = 0;
  const auto where = f.agents("1").with({.negative_ttl = 0s});
  for (int i = 0; i < 2; ++i) {
    sync_wait(f.cache.get_or_set(where, [&]() -> std::optional<agent> {
      ++calls;
      return std::nullopt;
    }));
  }
  EXPECT_EQ(calls, 2);
}

TEST(Cache, TakesFalsyValuesForValues) {
  fixture f;
  const entity<bool, "flag:{id}"> flags{{.jitter = 0}};
  const entity<std::vector<std::int64_t>, "list:{id}"> lists{{.jitter = 0}};
  const entity<std::string, "text:{id}"> texts{{.jitter = 0}};
  sync_wait(f.cache.set(flags("x"), false));
  sync_wait(f.cache.set(lists("x"), {}));
  sync_wait(f.cache.set(texts("x"), {}));
  const auto flag = sync_wait(f.cache.get(flags("x")));
  ASSERT_TRUE(flag);
  EXPECT_FALSE(*flag);
  EXPECT_TRUE(sync_wait(f.cache.get(lists("x"))));
  EXPECT_TRUE(sync_wait(f.cache.get(texts("x"))));
}

TEST(Cache, AcceptsEveryKindOfFactory) {
  fixture f;
  const auto value = agent{"x", "Ada"};
  const auto of = [&](auto factory, int id) {
    return sync_wait(f.cache.get_or_set(f.agents(id), std::move(factory)))->name;
  };
  EXPECT_EQ(of([&] { return value; }, 1), "Ada");
  EXPECT_EQ(of([&] { return std::optional(value); }, 2), "Ada");
  EXPECT_EQ(of([&] { return std::make_shared<const agent>(value); }, 3), "Ada");
  EXPECT_EQ(of([&]() -> result<agent> { return value; }, 4), "Ada");
  EXPECT_EQ(of([&]() -> task<agent> { co_return value; }, 5), "Ada");
  EXPECT_EQ(of([&](fill_context&) -> task<result<std::optional<agent>>> { co_return value; }, 6), "Ada");
}

TEST(Cache, HandsOnTheFactorysErrorAndTriesAgainNextTime) {
  fixture f;
  const auto failed = sync_wait(f.cache.get_or_set(
      f.agents("1"), []() -> result<agent> { return fail(errc::database_unavailable, "gone"); }));
  EXPECT_FALSE(failed);
  EXPECT_FALSE(failed.known_absent());
  ASSERT_NE(failed.failure(), nullptr);
  EXPECT_EQ(failed.failure()->code, errc::database_unavailable);
  EXPECT_EQ(f.read("1", "Ada")->name, "Ada");
}

TEST(Cache, HandsOnTheFactorysExceptionAndTriesAgainNextTime) {
  fixture f;
  const auto throwing = [&] {
    sync_wait(f.cache.get_or_set(f.agents("1"), []() -> agent { throw std::domain_error("no"); }));
  };
  EXPECT_THROW(throwing(), std::domain_error);
  EXPECT_EQ(f.read("1", "Ada")->name, "Ada");
}

TEST(Cache, LetsTheFactoryChooseTimeToLiveTagsAndSkip) {
  fixture f;
  const auto fill = [&](std::string_view id, auto say) {
    return sync_wait(f.cache.get_or_set(f.agents(id), [&](fill_context& context) {
      say(context);
      return agent{};
    }));
  };
  EXPECT_EQ(fill("1", [](fill_context& c) { c.set_ttl(5s); }).info().ttl, duration(5s));
  fill("2", [](fill_context& c) { c.add_tag("team:7"); });
  sync_wait(f.cache.remove_by_tag("team:7"));
  EXPECT_EQ(f.read("2", "new").info().reason, miss_reason::tag);
  const auto skipped = fill("3", [](fill_context& c) { c.skip(); });
  EXPECT_FALSE(skipped.info().stored);
  EXPECT_EQ(skipped.info().reason, miss_reason::bypassed);
  EXPECT_EQ(f.read("3", "again")->name, "again");
}

TEST(Cache, ReturnsButDoesNotStoreWhatIsTooLarge) {
  fixture f;
  const auto where = f.agents("1").with({.max_size = {1000}});
  const auto big = [] { return agent{"1", std::string(2000, 'x')}; };
  const auto read = sync_wait(f.cache.get_or_set(where, big));
  EXPECT_EQ(read->name.size(), 2000u);
  EXPECT_FALSE(read.info().stored);
  EXPECT_EQ(read.info().reason, miss_reason::too_large);
  EXPECT_EQ(sync_wait(f.cache.get(where)).info().reason, miss_reason::too_large);
  EXPECT_EQ(f.cache.stats().entries, 0u);
}

TEST(Cache, BypassesKeysThatAreTooLong) {
  fixture f;
  const std::string id(2000, 'x');
  EXPECT_EQ(f.read(id, "a")->name, "a");
  const auto read = f.read(id, "b");
  EXPECT_EQ(read->name, "b");
  EXPECT_EQ(read.info().reason, miss_reason::bypassed);
}

TEST(Cache, DoesNotMistakeOneTypeForAnother) {
  fixture f;
  f.read("1", "Ada");
  const entity<std::string, "agent:{id}"> impostors{{.jitter = 0}};
  const auto read = sync_wait(f.cache.get(impostors("1")));
  EXPECT_FALSE(read);
  EXPECT_EQ(read.info().reason, miss_reason::undecodable);
}

TEST(Cache, GivesAValueANewLifeWhenTouched) {
  fixture f;
  f.read("1", "Ada");
  f.time.advance(59s);
  EXPECT_TRUE(sync_wait(f.cache.touch(f.agents("1"), 60s)));
  f.time.advance(59s);
  EXPECT_EQ(f.read("1", "new")->name, "Ada");
  EXPECT_FALSE(sync_wait(f.cache.touch(f.agents("2"), 60s)));
}

TEST(Cache, EvictsToKeepItsBudget) {
  fixture f({.memory = {256u << 10}});
  for (int i = 0; i < 5000; ++i) f.read(std::to_string(i), std::string(200, 'x'));
  const auto stats = f.cache.stats();
  EXPECT_LE(stats.used, stats.budget);
  EXPECT_GT(stats.evictions, 0u);
  EXPECT_GT(stats.entries, 100u);
}

TEST(Cache, NamesEveryBadOption) {
  try {
    cache wrong({.memory = {1}, .name_space = "a:b", .fill_lease = 0s, .time = nullptr});
    FAIL() << "accepted";
  } catch (const bad_options& refused) {
    EXPECT_EQ(refused.problems().size(), 4u);
  }
}

TEST(Cache, CountsWhatHappensByTypeAndReason) {
  fixture f;
  f.read("1", "a");
  f.read("1", "a");
  sync_wait(f.cache.get(f.agents("2")));
  sync_wait(f.cache.remove(f.agents("1")));
  f.read("1", "a");
  const auto stats = f.cache.stats();
  const auto agents = *std::ranges::find(stats.types, "agent", &type_stats::type);
  EXPECT_EQ(agents.l1_hits, 1u);
  EXPECT_EQ(agents.misses[static_cast<std::size_t>(miss_reason::absent)], 2u);
  EXPECT_EQ(agents.misses[static_cast<std::size_t>(miss_reason::removed)], 1u);
  EXPECT_EQ(agents.factory_calls, 2u);
  EXPECT_EQ(agents.fills, 2u);
  EXPECT_EQ(agents.removals, 1u);
}

TEST(Lookup, HasOneOutcomeToSwitchOn) {
  fixture f;
  EXPECT_EQ(sync_wait(f.cache.get(f.agents("1"))).outcome(), read_outcome::missed);
  EXPECT_EQ(f.read("1", "Ada").outcome(), read_outcome::value);
  const auto absent = [] { return std::optional<agent>(); };
  EXPECT_EQ(sync_wait(f.cache.get_or_set(f.agents("2"), absent)).outcome(), read_outcome::absent);
  EXPECT_EQ(sync_wait(f.cache.get(f.agents("2"))).outcome(), read_outcome::absent) << "remembered";
  const auto away = []() -> result<agent> { return fail(errc::store_unavailable, "the source is away"); };
  const auto failed = sync_wait(f.cache.get_or_set(f.agents("3"), away));
  EXPECT_EQ(failed.outcome(), read_outcome::failed);
  EXPECT_EQ(failed.failure()->detail, "the source is away");
}

}  // namespace
