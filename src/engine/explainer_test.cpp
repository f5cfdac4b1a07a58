/// `explain` says what the next read will do.

#include "engine/engine_test_support.hpp"

#include <gtest/gtest.h>

namespace {

using namespace strata;
using namespace strata::engine_test;

using state = explanation::state;

TEST(Explain, SaysHowAKeyStandsAndWhatTheNextReadDoes) {
  fixture f;
  const auto key = f.agents("1");
  auto explained = sync_wait(f.cache.explain(key.key));
  EXPECT_EQ(explained.type, "agent");
  EXPECT_EQ(explained.levels[0].layer, layer::l1);
  EXPECT_EQ(explained.levels[0].state, state::absent);
  EXPECT_EQ(explained.levels[1].layer, layer::l2);
  EXPECT_EQ(explained.levels[1].state, state::off);
  EXPECT_EQ(explained.next_read, "The next read calls the factory, because the key is in no layer.");
  f.read("1", "Ada");
  f.time.advance(20s);
  explained = sync_wait(f.cache.explain(key.key));
  EXPECT_EQ(explained.levels[0].state, state::fresh);
  EXPECT_EQ(explained.levels[0].reason, miss_reason::none);
  EXPECT_EQ(explained.levels[0].ttl, 40s);
  EXPECT_EQ(explained.levels[0].age, 20s);
  EXPECT_GT(explained.levels[0].size, byte_size{0});
  EXPECT_EQ(explained.next_read, "The next read is answered from memory.");
  sync_wait(f.cache.remove_by_prefix("agent"));
  explained = sync_wait(f.cache.explain(key.key));
  EXPECT_EQ(explained.levels[0].state, state::invalid);
  EXPECT_EQ(explained.levels[0].reason, miss_reason::prefix);
  f.read("1", "Ada");
  sync_wait(f.cache.remove(key));
  EXPECT_EQ(sync_wait(f.cache.explain(key.key)).levels[0].reason, miss_reason::removed);
}

TEST(Explain, PreviewsWhatAnInvalidationTakesFromMemory) {
  fixture f;
  const entity<agent, "api:agents:list:{org}:{page}"> lists{{.ttl = 60s, .tags = {"agents"}}};
  for (const auto* id : {"1", "2", "10"}) f.read(id, "Ada");
  for (const auto* page : {"1", "2"}) sync_wait(f.cache.set(lists("o", page), agent{}));
  sync_wait(f.cache.set(lists("p", "1"), agent{}));
  const auto counts = [&](const invalidation& what, const std::vector<std::string>& globs = {}) {
    std::map<std::string, std::uint64_t> out;
    for (const auto& each : f.cache.preview(what, globs)) {
      EXPECT_GT(each.size, byte_size{0});
      out[each.type] = each.values;
    }
    return out;
  };
  using expected = std::map<std::string, std::uint64_t>;
  EXPECT_EQ(counts({.keys = {f.agents("1").key, f.agents("none").key}}), (expected{{"agent", 1}}));
  EXPECT_EQ(counts({.prefixes = {"api:agents:list:o"}}), (expected{{"api", 2}}));
  EXPECT_EQ(counts({.prefixes = {"api:agents:list:o:"}}), (expected{{"api", 2}}));
  EXPECT_EQ(counts({.prefixes = {"agent:1"}}), (expected{{"agent", 1}})) << "not agent:10";
  EXPECT_EQ(counts({.tags = {"agents"}}), (expected{{"api", 3}}));
  EXPECT_EQ(counts({.everything = true}), (expected{{"agent", 3}, {"api", 3}}));
  EXPECT_EQ(counts({}, {"*:1*"}), (expected{{"agent", 2}, {"api", 2}}));
  EXPECT_EQ(counts({.keys = {f.agents("2").key}, .tags = {"agents"}}, {"api:*"}),
            (expected{{"agent", 1}, {"api", 3}}))
      << "each value once";
  EXPECT_EQ(counts({}), expected());
  sync_wait(f.cache.remove_by_tag("agents"));
  EXPECT_EQ(counts({.everything = true}), (expected{{"agent", 3}})) << "what no read returns is gone";
  f.time.advance(61s);
  EXPECT_EQ(counts({.everything = true}), expected());
}

TEST(Explain, GivesTheReasonThatTheNextReadGives) {
  fixture f;
  const auto key = f.agents("1").key;
  const auto same_reason = [&] {
    const auto explained = sync_wait(f.cache.explain(key)).levels[0].reason;
    return explained == sync_wait(f.cache.get(f.agents("1"))).info().reason;
  };
  f.read("1", "Ada");
  f.time.advance(61s);
  EXPECT_TRUE(same_reason()) << "expired, and not swept yet";
  f.read("1", "Ada");
  sync_wait(f.cache.expire(key));
  EXPECT_TRUE(same_reason());
  sync_wait(f.cache.clear());
  EXPECT_TRUE(same_reason());
}

TEST(Explain, JudgesTheSecondLevelAsAReadDoes) {
  strata::testing::manual_clock time;
  const auto server = make_memory_server(time);
  const auto options = [&] { return fixture::on(time, {.second_level = connect(server)}); };
  cache filler(options());
  cache reader(options());
  const entity<agent, "agent:{id}"> agents{{.ttl = 60s, .jitter = 0, .tags = {"staff"}}};
  (void)sync_wait(filler.get_or_set(agents("1"), [] { return agent{"1", "Ada"}; }));
  auto explained = sync_wait(reader.explain(agents("1").key));
  EXPECT_EQ(explained.levels[0].state, state::absent);
  EXPECT_EQ(explained.levels[1].state, state::fresh);
  EXPECT_EQ(explained.next_read, "The next read is answered from the second level.");
  sync_wait(filler.expire_by_tag("staff"));
  explained = sync_wait(reader.explain(agents("1").key));
  EXPECT_NE(explained.levels[1].state, state::fresh);
  EXPECT_EQ(explained.levels[1].reason, miss_reason::tag);
}

/// A cache that a relay keeps informed of its source.
struct RelayedExplainer : ::testing::Test {
  fixture f{{.relayed = true}};

  void trust(duration behind = 0s) {
    coherence_control(f.cache).trust(f.time.now() + 30s, f.time.now() - behind);
  }
};

TEST_F(RelayedExplainer, AValueOlderThanAnUncachedReadIsNotExplainedAsFresh) {
  trust();
  f.read("1", "old");
  f.time.advance(1s);
  const auto newer =
      sync_wait(f.cache.get_or_set(f.agents("1").bypassing(), [] { return agent{"1", "new"}; }));
  ASSERT_FALSE(newer.info().stored);
  f.time.advance(1s);

  const auto explained = sync_wait(f.cache.explain(f.agents("1").key));
  const auto found = sync_wait(f.cache.get(f.agents("1")));
  ASSERT_FALSE(found) << "the relay has not reported the changes that the uncached read may have seen";
  EXPECT_NE(explained.levels[0].state, state::fresh);
  EXPECT_EQ(explained.levels[0].reason, found.info().reason);
  EXPECT_NE(explained.next_read, "The next read is answered from memory.");

  trust();
  EXPECT_TRUE(sync_wait(f.cache.get(f.agents("1"))));
  EXPECT_EQ(sync_wait(f.cache.explain(f.agents("1").key)).levels[0].state, state::fresh);
}

}  // namespace
