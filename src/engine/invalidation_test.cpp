/// Removing by key, tag, prefix and pattern; and that no fill brings an old value back.

#include "engine/two_stages_test_support.hpp"

#include <gtest/gtest.h>
#include <atomic>
#include <random>
#include <thread>

namespace {

using namespace strata;
using engine_test::agent;
using engine_test::fixture;
using namespace std::chrono_literals;

TEST(Remove, MakesTheNextReadAMissWithItsReason) {
  fixture f;
  f.read("1", "old");
  sync_wait(f.cache.remove(f.agents("1")));
  const auto read = f.read("1", "new");
  EXPECT_EQ(read->name, "new");
  EXPECT_EQ(read.info().reason, miss_reason::removed);
}

TEST(Remove, ByTagReachesEveryCarrierAndNobodyElse) {
  fixture f;
  const entity<agent, "agent:{id}:config"> tagged{{.jitter = 0, .tags = {"org:1"}}};
  for (const auto* id : {"1", "2"}) sync_wait(f.cache.set(tagged(id), agent{id, "old"}));
  f.read("3", "old");
  sync_wait(f.cache.remove_by_tag("org:1"));
  EXPECT_EQ(sync_wait(f.cache.get(tagged("1"))).info().reason, miss_reason::tag);
  EXPECT_FALSE(sync_wait(f.cache.get(tagged("2"))));
  EXPECT_EQ(f.read("3", "new")->name, "old");
}

TEST(Remove, ByPrefixReachesWholeSegmentsOnly) {
  fixture f;
  const entity<std::string, "api:agents:list:{org}:{page}"> lists{{.jitter = 0}};
  for (const auto* org : {"org_1", "org_12"}) sync_wait(f.cache.set(lists(org, "p1"), std::string("old")));
  sync_wait(f.cache.remove_by_prefix("api:agents:list:org_1"));
  EXPECT_EQ(sync_wait(f.cache.get(lists("org_1", "p1"))).info().reason, miss_reason::prefix);
  EXPECT_TRUE(sync_wait(f.cache.get(lists("org_12", "p1"))));
}

TEST(Remove, ByPrefixReachesTheKeyThatIsThePrefix) {
  fixture f;
  f.read("1", "old");
  sync_wait(f.cache.remove_by_prefix("agent:1"));
  EXPECT_FALSE(sync_wait(f.cache.get(f.agents("1"))));
}

TEST(Remove, ByPrefixTakesTheBoundaryAtItsEndForTheBoundary) {
  fixture f;
  for (const auto* prefix : {"agent:", "agent:1:", ":", ""}) {
    f.read("1", "old");
    sync_wait(f.cache.remove_by_prefix(prefix));
    EXPECT_FALSE(sync_wait(f.cache.get(f.agents("1")))) << '"' << prefix << '"';
    f.read("1", "old");
    sync_wait(f.cache.expire_by_prefix(prefix));
    EXPECT_EQ(f.read("1", "new")->name, "new") << '"' << prefix << '"';
    sync_wait(f.cache.clear());
  }
  f.read("1", "old");
  f.read("12", "old");
  sync_wait(f.cache.remove_by_prefix("agent:1:"));
  EXPECT_TRUE(sync_wait(f.cache.get(f.agents("12"))));
}

TEST(Remove, ATagAndAPrefixOfOneNameAreTwoThings) {
  fixture f;
  f.read("1", "old");
  sync_wait(f.cache.remove_by_tag("agent"));
  EXPECT_TRUE(sync_wait(f.cache.get(f.agents("1"))));
}

TEST(Remove, ByPatternReachesWhatMatches) {
  fixture f;
  for (const auto* id : {"a1", "a2", "b1"}) f.read(id, "old");
  sync_wait(f.cache.remove_pattern("agent:a?"));
  EXPECT_EQ(sync_wait(f.cache.get(f.agents("a1"))).info().reason, miss_reason::removed);
  EXPECT_FALSE(sync_wait(f.cache.get(f.agents("a2"))));
  EXPECT_TRUE(sync_wait(f.cache.get(f.agents("b1"))));
  sync_wait(f.cache.remove_pattern("agent:*"));
  EXPECT_EQ(sync_wait(f.cache.get(f.agents("b1"))).info().reason, miss_reason::prefix);
}

TEST(Remove, AllOfItByClear) {
  fixture f;
  f.read("1", "old");
  sync_wait(f.cache.clear());
  EXPECT_EQ(f.cache.stats().entries, 0u);
  EXPECT_EQ(f.read("1", "new").info().reason, miss_reason::cleared);
}

TEST(Remove, OneArgumentCannotReachAnotherKey) {
  fixture f;
  f.read("1", "old");
  f.read("1:config", "other");
  sync_wait(f.cache.remove(f.agents("1:config")));
  sync_wait(f.cache.remove_pattern("agent:%2A"));
  EXPECT_TRUE(sync_wait(f.cache.get(f.agents("1"))));
}

/// Calls to the second level so far.
std::size_t round_trips(const strata::testing::faulty_store& of) {
  std::size_t all = 0;
  for (std::size_t i = 0; i < strata::testing::store_calls; ++i) {
    all += of.calls(static_cast<strata::testing::store_call>(i));
  }
  return all;
}

/// Keys, a prefix and a tag.
invalidation of_an_event() {
  return {
      .keys = {key("agent:1"), key("agent:1:config")}, .prefixes = {"lists:1"}, .tags = {"agents", "org:1"}};
}

TEST(Invalidate, CostsOneRoundTripForKeysPrefixesAndTags) {
  engine_test::two_stages s;
  EXPECT_EQ(engine_test::two_stages::read(s.a, "old")->name, "old");
  s.settle();
  const auto before = round_trips(*s.below_a);
  std::optional<invalidation_result> done;
  start(&s.a.front, s.a.store.invalidate(of_an_event()),
        [&](completion<invalidation_result> ended) { done = *ended; });
  s.settle();
  EXPECT_EQ(round_trips(*s.below_a) - before, 1u);
  ASSERT_TRUE(done);
  EXPECT_TRUE(done->delivered);
  EXPECT_GT(done->floor, 0u);
  EXPECT_EQ(engine_test::two_stages::read(s.b, "new")->name, "new");
}

TEST(Invalidate, SaysWhetherTheSecondLevelWasReachedAndIsDeliveredLater) {
  engine_test::two_stages s;
  EXPECT_EQ(engine_test::two_stages::read(s.a, "old")->name, "old");
  EXPECT_EQ(engine_test::two_stages::read(s.b, "never")->name, "old");
  s.below_a->fail({});
  std::optional<invalidation_result> done;
  start(&s.a.front, s.a.store.invalidate(of_an_event()),
        [&](completion<invalidation_result> ended) { done = *ended; });
  s.settle();
  ASSERT_TRUE(done);
  EXPECT_FALSE(done->delivered);
  EXPECT_EQ(engine_test::two_stages::read(s.a, "new")->name, "new") << "it holds here";
  EXPECT_EQ(s.a.store.stats().second_level.backlog, 5u);
  s.below_a->heal();
  s.advance(30s);
  EXPECT_EQ(s.a.store.stats().second_level.backlog, 0u);
  EXPECT_EQ(engine_test::two_stages::read(s.b, "new")->name, "new");
}

TEST(Invalidate, ExpiresSoftlyWhateverIsNamed) {
  fixture f;
  const entity<agent, "agent:{id}:config"> tagged{
      {.ttl = 60s, .jitter = 0, .stale_while_revalidate = 60s, .tags = {"org:1"}}};
  sync_wait(f.cache.set(tagged("1"), agent{"1", "old"}));
  sync_wait(f.cache.invalidate({.keys = {tagged("1").key}, .tags = {"org:1"}, .soft = true}));
  const auto read = sync_wait(f.cache.get_or_set(tagged("1"), [] { return agent{"1", "new"}; }));
  EXPECT_EQ(read->name, "old");
  EXPECT_TRUE(read.info().stale);
}

/// Each way to invalidate, while a factory that has read the old value is still running.
class SlowFill : public ::testing::TestWithParam<int> {
 public:
  static task<> invalidate(cache& cache, const entity<agent, "agent:{id}">& agents, int way) {
    switch (way) {
      case 0:
        co_await cache.remove(agents("1"));
        break;
      case 1:
        co_await cache.remove_by_tag("tag");
        break;
      case 2:
        co_await cache.remove_by_prefix("agent");
        break;
      case 3:
        co_await cache.remove_pattern("a*1");
        break;
      case 4:
        co_await cache.clear();
        break;
      case 5: {
        invalidation several{.keys = {key("other")}, .prefixes = {"other"}, .tags = {"tag"}};
        co_await cache.invalidate(std::move(several));
        break;
      }
      default:
        co_await cache.set(agents("1"), agent{"1", "new"});
    }
  }
};

TEST_P(SlowFill, CannotBringTheOldValueBack) {
  fixture f;
  const entity<agent, "agent:{id}"> agents{{.jitter = 0, .tags = {"tag"}}};
  async_latch slow;
  run_loop loop;
  std::optional<lookup<agent>> first;
  start(&loop,
        f.cache.get_or_set(agents("1"),
                           [&]() -> task<agent> {
                             co_await slow.wait();
                             co_return agent{"1", "old"};
                           }),
        [&](completion<lookup<agent>> read) { first = *read; });
  sync_wait(SlowFill::invalidate(f.cache, agents, GetParam()));
  // Who comes after the invalidation does not get the old value, though it is still on its way.
  std::optional<lookup<agent>> later;
  start(&loop, f.cache.get_or_set(agents("1"), [] { return agent{"1", "new"}; }),
        [&](completion<lookup<agent>> read) { later = *read; });
  slow.set();
  while (loop.run_ready() != 0) {
  }
  ASSERT_TRUE(first);
  EXPECT_EQ((*first)->name, "old");
  EXPECT_FALSE(first->info().stored);
  ASSERT_TRUE(later);
  EXPECT_EQ((*later)->name, "new");
  const auto after = sync_wait(f.cache.get_or_set(agents("1"), [] { return agent{"1", "new"}; }));
  EXPECT_EQ(after->name, "new");
}

INSTANTIATE_TEST_SUITE_P(EveryWay, SlowFill, ::testing::Range(0, 7));

TEST(Write, TakesTheTicketBeforeTheCommitAndStoresAfter) {
  fixture f;
  f.read("1", "old");
  auto ticket = sync_wait(f.cache.begin_write(f.agents("1")));
  EXPECT_EQ(f.read("1", "")->name, "old");
  EXPECT_TRUE(sync_wait(f.cache.set_committed(std::move(ticket), f.agents("1"),
                                              std::make_shared<const agent>(agent{"1", "new"}))));
  EXPECT_EQ(f.read("1", "")->name, "new");
}

TEST(Write, OvertakenByAnotherStoresNothing) {
  fixture f;
  auto first = sync_wait(f.cache.begin_write(f.agents("1")));
  auto second = sync_wait(f.cache.begin_write(f.agents("1")));
  const auto value = [](const char* name) { return std::make_shared<const agent>(agent{"1", name}); };
  EXPECT_TRUE(sync_wait(f.cache.set_committed(std::move(second), f.agents("1"), value("2nd commit"))));
  EXPECT_FALSE(sync_wait(f.cache.set_committed(std::move(first), f.agents("1"), value("1st commit"))));
  EXPECT_EQ(f.read("1", "from the source")->name, "from the source");
}

TEST(Write, DroppedTicketInvalidatesSinceItsCommitMayHaveHappened) {
  fixture f;
  f.read("1", "old");
  {
    const auto ticket = sync_wait(f.cache.begin_write(f.agents("1")));
  }
  EXPECT_EQ(f.read("1", "new")->name, "new");
  EXPECT_TRUE(f.read("1", "never").info().hit());
}

/// Writers raise the versions of a few keys in a "database" and invalidate; readers check that a
/// read begun after a write returned never gives an older version.
TEST(Coherence, NoReadIsOlderThanAWriteThatReturnedBefore) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  constexpr int keys = 4;
  cache cache({.memory = {1u << 20}, .seed = 1});
  const entity<std::int64_t, "counter:{id}"> counters{{.tags = {"counters"}}};
  std::array<std::atomic<std::int64_t>, keys> database{};
  std::array<std::atomic<std::int64_t>, keys> returned{};
  std::atomic<bool> stop = false;
  std::atomic<int> violations = 0;
  std::atomic<std::uint64_t> hits = 0;

  const auto write = [&](std::mt19937 random) {
    for (int i = 0; i < 3000; ++i) {
      const auto k = static_cast<std::size_t>(random() % keys);
      const auto where = counters(k);
      std::int64_t version = 0;
      switch (random() % 5) {
        case 0:
          version = ++database[k];
          sync_wait(cache.remove_by_tag("counters"));
          break;
        case 1:
          version = ++database[k];
          sync_wait(cache.remove_by_prefix("counter"));
          break;
        case 2: {
          auto ticket = sync_wait(cache.begin_write(where));
          version = ++database[k];
          sync_wait(
              cache.set_committed(std::move(ticket), where, std::make_shared<const std::int64_t>(version)));
          break;
        }
        case 3:
          version = ++database[k];
          sync_wait(cache.remove_pattern("c?unter:" + std::to_string(k)));
          break;
        default:
          version = ++database[k];
          sync_wait(cache.remove(where));
      }
      auto seen = returned[k].load();
      while (seen < version && !returned[k].compare_exchange_weak(seen, version)) {
      }
    }
  };
  const auto read = [&](std::mt19937 random) {
    while (!stop) {
      const auto k = static_cast<std::size_t>(random() % keys);
      const auto at_least = returned[k].load();
      const auto found = sync_wait(cache.get_or_set(counters(k), [&] {
        const auto value = database[k].load();
        if (random() % 8 == 0) std::this_thread::yield();
        return value;
      }));
      if (*found < at_least) ++violations;
      if (found.info().hit()) ++hits;
    }
  };
  std::vector<std::thread> readers;
  for (unsigned i = 0; i < 3; ++i) readers.emplace_back(read, std::mt19937(seed + i));
  std::vector<std::thread> writers;
  for (unsigned i = 0; i < 2; ++i) writers.emplace_back(write, std::mt19937(seed + 10 + i));
  for (auto& each : writers) each.join();
  stop = true;
  for (auto& each : readers) each.join();
  EXPECT_EQ(violations, 0);
  EXPECT_GT(hits, 0u);
  for (std::size_t k = 0; k < keys; ++k) {
    const auto last = sync_wait(cache.get_or_set(counters(k), [&] { return database[k].load(); }));
    EXPECT_EQ(*last, database[k].load());
  }
}

}  // namespace
