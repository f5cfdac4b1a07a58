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
