/// Reads whose key another process should fill, or whose lease the store refuses: the source answers them.

#include "engine/two_stages_test_support.hpp"

#include <gtest/gtest.h>

namespace {

using namespace strata;
using namespace strata::engine_test;
using namespace std::chrono_literals;
using strata::testing::store_call;

const char* const name_in_l2 = "strata:agent:1";

struct LeaseFaults : ::testing::TestWithParam<duration> {
  policy rules{.ttl = 60s, .jitter = 0, .hard_timeout = GetParam(), .tags = {"agents"}};
  two_stages t{rules};
  /// The longest that a read may wait for another process.
  duration longest_wait = GetParam() == 0s ? duration(1s) : std::min<duration>(1s, GetParam() * 2 / 3);

  /// The lease of the key belongs to a process that has died.
  void leave_lease(duration hold = 8s) {
    EXPECT_NE(sync_wait(connect(t.server)->force_lease(name_in_l2, hold, 0))->lease, 0u);
  }
  std::optional<std::string> in_l2() const {
    const auto found = sync_wait(connect(t.server)->get(name_in_l2));
    return found && *found ? std::optional((*found)->bytes) : std::nullopt;
  }
};
INSTANTIATE_TEST_SUITE_P(, LeaseFaults, ::testing::Values(0s, 300ms, 2s), [](const auto& each) {
  return each.param == 0s ? std::string("WithoutTimeout")
                          : "Within" + std::to_string(each.param / 1ms) + "Milliseconds";
});

TEST_P(LeaseFaults, ARefusedLeaseIsAFailureOfTheStoreAndTheSourceAnswersAtOnce) {
  t.read(t.b, "old");
  sync_wait(t.b.store.remove_by_prefix("agent"));  // the value stays in the store, below a floor
  ASSERT_TRUE(in_l2());
  t.below_a->fail({.call = store_call::take_lease});
  const auto read = t.a.read_value("new");
  ASSERT_TRUE(read->got) << "the read waits, though no process fills the key";
  EXPECT_EQ(read->got->value()->name, "new");
  EXPECT_EQ(read->got->info().reason, miss_reason::l2_down);
}

TEST(LeaseRefusals, OpenTheBreaker) {
  two_stages t({.ttl = 60s, .jitter = 0}, {.breaker_failures = 1});
  t.read(t.b, "old");
  sync_wait(t.b.store.remove_by_prefix("agent"));
  t.below_a->fail({.call = store_call::take_lease});
  EXPECT_EQ(t.read(t.a, "new")->name, "new");
  EXPECT_EQ(t.a.store.stats().second_level.breaker_opened, 1u);
}

TEST_P(LeaseFaults, ALeaseOfADeadProcessCostsTimeButNotTheAnswer) {
  leave_lease();
  const auto read = t.a.read_value("new");
  EXPECT_FALSE(read->got) << "another process may be filling";
  t.advance(longest_wait - 1ms);
  EXPECT_FALSE(read->got);
  t.advance(1ms);
  ASSERT_TRUE(read->got);
  ASSERT_TRUE(*read->got) << "the source could have answered";
  EXPECT_EQ(read->got->value()->name, "new");
  EXPECT_FALSE(in_l2()) << "it did not have the lease";

  EXPECT_TRUE(read->got->info().stored);
  EXPECT_EQ(t.read(t.a, "never").info().from, layer::l1) << "memory keeps it";
}

TEST_P(LeaseFaults, ChangesOfTheKeyDoNotProlongTheWait) {
  leave_lease();
  const auto read = t.a.read_value("new");
  for (auto waited = 0ms; waited < longest_wait; waited += 10ms) {
    EXPECT_FALSE(read->got);
    sync_wait(t.b.store.remove(t.b.agents("1")));  // tells a of a change, and the lease stays
    t.advance(10ms);
  }
  ASSERT_TRUE(read->got);
  EXPECT_EQ(read->got->value()->name, "new");
}

TEST_P(LeaseFaults, AValueReadBesideALeaseIsNotKeptIfItsKeyChangedMeanwhile) {
  leave_lease();
  const auto go = std::make_shared<async_latch>();
  const auto read = t.a.read([go]() -> task<agent> {
    co_await go->wait();
    co_return agent{"1", "old"};
  });
  t.advance(longest_wait);
  sync_wait(t.b.store.remove(t.b.agents("1")));
  go->set();
  t.settle();
  ASSERT_TRUE(read->got);
  EXPECT_FALSE(read->got->info().stored);
  const auto again = t.a.read_value("new");
  t.advance(longest_wait);
  ASSERT_TRUE(again->got);
  EXPECT_EQ(again->got->value()->name, "new");
}

TEST_P(LeaseFaults, AValueReadBesideALeaseGoesWithItsKeyItsTagAndItsPrefix) {
  for (int way = 0; way < 4; ++way) {
    two_stages of(rules);
    sync_wait(connect(of.server)->force_lease(name_in_l2, 8s, 0));
    const auto read = of.a.read_value("old");
    of.advance(longest_wait);
    ASSERT_TRUE(read->got && read->got->info().stored) << way;
    if (way == 0) sync_wait(of.b.store.remove(of.b.agents("1")));
    if (way == 1) sync_wait(of.b.store.remove_by_tag("agents"));
    if (way == 2) sync_wait(of.b.store.remove_by_prefix("agent"));
    if (way == 3) sync_wait(of.b.store.clear());
    EXPECT_FALSE(sync_wait(of.a.store.get(of.a.agents("1")))) << way;
  }
}

TEST_P(LeaseFaults, TheHoldersOlderValueIsNotServedAfterANewerOneReadBesideItsLease) {
  const auto told = [&] {
    t.below_a->trust_until(t.a.time.now() + 30s, t.a.time.now());
    t.settle();
  };
  told();
  const auto theirs = sync_wait(connect(t.server)->force_lease(name_in_l2, 8s, 0));
  const auto read = t.a.read_value("new");
  t.advance(longest_wait);
  ASSERT_TRUE(read->got);
  ASSERT_TRUE(read->got->info().stored);
  EXPECT_EQ(t.read(t.a, "never")->name, "new") << "its own fence does not hold it back";
  // What the holder stores was read before; the change has not been reported yet.
  sync_wait(t.b.store.set(t.b.agents("2"), agent{"2", "old"}));
  const auto sealed = sync_wait(connect(t.server)->get("strata:agent:2"));
  ASSERT_TRUE(sealed && *sealed);
  const auto filled = sync_wait(connect(t.server)->fill({.key = name_in_l2,
                                                         .lease = theirs->lease,
                                                         .asof = theirs->granted_at,
                                                         .bytes = (*sealed)->bytes,
                                                         .ttl = 60s}));
  EXPECT_EQ(*filled, fill_result::stored);
  EXPECT_FALSE(sync_wait(t.a.store.get(t.a.agents("1"))));
}

TEST(LeaseRenewal, KeepsALeaseAsLongAsItsFactoryRunsAndNotForEver) {
  two_stages t;
  const auto go = std::make_shared<async_latch>();
  const auto ours = t.a.read([go]() -> task<agent> {
    co_await go->wait();
    co_return agent{"1", "ours"};
  });
  const auto is_held = [&] { return sync_wait(connect(t.server)->acquire(name_in_l2, 1ms, 0))->busy(); };
  for (int i = 0; i < 100; ++i) {
    EXPECT_TRUE(is_held()) << i;
    t.advance(250ms);
  }
  t.advance(10s);
  for (int i = 0; i < 20; ++i) t.advance(250ms);
  EXPECT_FALSE(is_held()) << "a factory that hangs must not keep others waiting";
  go->set();
  t.settle();
  EXPECT_EQ(ours->got->value()->name, "ours");
}

TEST(LeaseRenewal, EndsWithTheFill) {
  two_stages t;
  t.read(t.a, "Ada");
  for (int i = 0; i < 20; ++i) t.advance(250ms);
  EXPECT_EQ(t.below_a->calls(store_call::renew), 0u);
}

TEST(LeaseRenewal, GoesOnAfterAFailureAndStopsWhenTheLeaseIsLost) {
  two_stages t;
  const auto go = std::make_shared<async_latch>();
  const auto ours = t.a.read([go]() -> task<agent> {
    co_await go->wait();
    co_return agent{"1", "ours"};
  });
  t.below_a->fail({.call = store_call::renew, .times = 1});
  for (int i = 0; i < 8; ++i) t.advance(250ms);
  EXPECT_GE(t.below_a->calls(store_call::renew), 2u);
  EXPECT_TRUE(sync_wait(connect(t.server)->acquire(name_in_l2, 1ms, 0))->busy());
  sync_wait(connect(t.server)->force_lease(name_in_l2, 8s, 0));
  for (int i = 0; i < 4; ++i) t.advance(250ms);
  const auto calls = t.below_a->calls(store_call::renew);
  for (int i = 0; i < 20; ++i) t.advance(250ms);
  EXPECT_EQ(t.below_a->calls(store_call::renew), calls);
  go->set();
  t.settle();
  EXPECT_EQ(ours->got->value()->name, "ours");
}

TEST(LeaseFaultsOfBatches, AValueThatCannotBeServedIsReplaced) {
  for (const bool refused : {false, true}) {
    two_stages t;
    t.read(t.b, "old");
    sync_wait(t.b.store.remove_by_prefix("agent"));
    if (refused) t.below_a->fail({.call = store_call::take_lease});
    std::vector<typed_key<agent>> keys{t.a.agents("1")};
    const auto got = sync_wait(t.a.store.get_or_set_many(
        keys, [](std::span<const std::size_t>) { return std::vector{std::optional(agent{"1", "new"})}; }));
    EXPECT_EQ(got[0]->name, "new");
    EXPECT_EQ(got[0].info().stored, !refused);
    EXPECT_EQ(t.read(t.b, "newer")->name, refused ? "newer" : "new");
  }
}

}  // namespace
