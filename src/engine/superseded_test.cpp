/// What another process has replaced: the copy here may only stand in while L2 and the source are down.

#include "engine/two_stages_test_support.hpp"

#include <gtest/gtest.h>

namespace {

using namespace strata;
using engine_test::agent;
using engine_test::failing;
using engine_test::stage;
using engine_test::two_stages;
using namespace std::chrono_literals;

const policy safe{
    .ttl = 60s, .jitter = 0, .fail_safe = true, .grace = 600s, .throttle = 1s, .tags = {"agents"}};

/// Two processes that hold "old", of which the second has then stored "new".
struct replaced_by_b {
  two_stages p;
  explicit replaced_by_b(const policy& rules = safe) : p(rules) {
    two_stages::read(p.a, "old");
    two_stages::read(p.b, "old");
    EXPECT_TRUE(sync_wait(p.b.store.set(p.b.agents("1"), agent{"1", "new"})));
  }
  /// The store is away for the first process.
  void cut() { p.below_a->fail({}); }
  /// What the first process reads while the source is down.
  std::string read_without_source() {
    const auto read = p.a.read(failing);
    if (!read->got || !*read->got) return "nothing";
    return (*read->got)->name + (read->got->info().stale ? ", stale" : "");
  }
};

TEST(Superseded, TheCopyStandsInWhileTheStoreAndTheSourceAreDown) {
  replaced_by_b s;
  s.cut();
  EXPECT_EQ(s.read_without_source(), "old, stale");
  s.p.advance(659s);
  EXPECT_EQ(s.read_without_source(), "old, stale");
  s.p.advance(1s);
  EXPECT_EQ(s.read_without_source(), "nothing");
}

TEST(Superseded, TheCopyIsNeverFresh) {
  replaced_by_b s;
  s.cut();
  EXPECT_FALSE(sync_wait(s.p.a.store.get(s.p.a.agents("1"))));
  EXPECT_EQ(two_stages::read(s.p.a, "newest")->name, "newest");
}

TEST(Superseded, TheStoredValueIsReadWhileTheStoreAnswers) {
  replaced_by_b s;
  EXPECT_EQ(two_stages::read(s.p.a, "unused")->name, "new");
  EXPECT_EQ(s.read_without_source(), "new");
}

TEST(Superseded, StaleWhileRevalidateAsksTheStoreFirst) {
  auto rules = safe;
  rules.stale_while_revalidate = 600s;
  replaced_by_b s(rules);
  EXPECT_EQ(two_stages::read(s.p.a, "unused")->name, "new");
}

TEST(Superseded, AnExpiryByAnotherProcessKeepsTheCopy) {
  two_stages p(safe);
  two_stages::read(p.a, "old");
  sync_wait(p.b.store.expire(p.b.agents("1")));
  p.below_a->fail({});
  const auto read = p.a.read(failing);
  ASSERT_TRUE(read->got && *read->got);
  EXPECT_EQ((*read->got)->name, "old");
}

TEST(Superseded, ARemovalDropsTheCopy) {
  for (int how = 0; how < 5; ++how) {
    replaced_by_b s;
    auto& other = s.p.b.store;
    if (how == 0) sync_wait(other.remove(s.p.b.agents("1")));
    if (how == 1) sync_wait(other.remove_by_tag("agents"));
    if (how == 2) sync_wait(other.remove_by_prefix("agent"));
    if (how == 3) sync_wait(other.remove_pattern("ag*1"));
    if (how == 4) sync_wait(other.clear());
    s.cut();
    EXPECT_EQ(s.read_without_source(), "nothing") << how;
  }
}

TEST(Superseded, ARemovalByPatternDropsTheCopyThoughTheStoreHasLostTheValue) {
  replaced_by_b s;
  auto brief = safe;
  brief.ttl = 1s;
  brief.fail_safe = false;
  EXPECT_TRUE(sync_wait(s.p.b.store.set(s.p.b.agents("1").with(brief), agent{"1", "brief"})));
  s.p.advance(2s);
  EXPECT_FALSE(sync_wait(s.p.b.store.get(s.p.b.agents("1"))));
  sync_wait(s.p.b.store.remove_pattern("ag*1"));
  s.cut();
  EXPECT_EQ(s.read_without_source(), "nothing");
}

TEST(Superseded, ARemovalThatWaitedIsNotUndone) {
  replaced_by_b s;
  s.p.below_b->fail({});
  sync_wait(s.p.b.store.remove(s.p.b.agents("1")));  // kept for later
  s.p.below_b->heal();
  s.p.below_b->lose();
  for (int second = 0; second < 12; ++second) s.p.advance(1s);
  s.cut();
  EXPECT_EQ(s.read_without_source(), "nothing");
}

TEST(Superseded, WithoutAGraceNothingIsKept) {
  two_stages p({.ttl = 60s, .jitter = 0});
  two_stages::read(p.a, "old");
  EXPECT_TRUE(sync_wait(p.b.store.set(p.b.agents("1"), agent{"1", "new"})));
  EXPECT_EQ(p.a.store.stats().entries, 0U);
}

TEST(Superseded, ExplainNamesTheCopy) {
  replaced_by_b s;
  const auto found = sync_wait(s.p.a.store.explain(s.p.a.agents("1").key));
  EXPECT_EQ(found.levels[0].state, explanation::state::stale);
  EXPECT_EQ(found.levels[0].detail, "another process has changed the key: only fail-safe may serve this");
  EXPECT_EQ(found.next_read, "The next read is answered from the second level.");
}

}  // namespace
