/// A second level that fails, is slow, or is away for a while.

#include "tests/peers/support.hpp"

namespace strata::peers {
namespace {

const policy safe{.ttl = 1s, .jitter = 0, .fail_safe = true, .throttle = 1ms};

/// How many calls reached the store of a process.
std::size_t calls(const testing::faulty_store& of) {
  std::size_t sum = 0;
  for (std::size_t each = 0; each < testing::store_calls; ++each) {
    sum += of.calls(static_cast<testing::store_call>(each));
  }
  return sum;
}

/// Fails calls of the first process until its breaker opens.
void open_breaker(group& g) {
  g.stores[0]->fail({});
  for (int call = 0; call < 5; ++call) g[0].get(number("any"));
  EXPECT_EQ(g[0].cache.stats().second_level.state, second_level_state::down);
}

/// Lets the stores work again, and every process recover.
void recover(group& g) {
  g.heal();
  for (int second = 0; second < 12; ++second) g.advance(1s);
}

// FusionCache G02: L1L2 HandlesDistributedCacheFailures
TEST(PeersOutage, AStaleValueOfMemoryStandsInWithoutTheStore) {
  group g(1);
  source db;
  g[0].put(number(safe), 1);
  g.cut();
  EXPECT_TRUE(is(g[0].get(number(safe)), 1));
  g.advance(1s);
  EXPECT_TRUE(is_stale(g[0].read(number(safe), db.throwing()), 1));
}

// FusionCache G03: AppliesDistributedCacheHardTimeout
// FusionCache G04: AppliesDistributedCacheSoftTimeout
// Different: one l2_timeout, whether or not there is a stale value.
// See docs/guide/second_level.md#options
TEST(PeersOutage, AReaderWaitsForTheStoreExactlyUntilItsTimeout) {
  for (const bool stale : {false, true}) {
    group g(1);
    source db;
    if (stale) g[0].put(number(safe), 1);
    g.advance(1s);
    g.stores[0]->drop({});
    const auto read = g[0].begin(g[0].cache.get_or_set(number(safe), db.throwing()));
    g.advance(200ms - 1ns);
    EXPECT_FALSE(read->over());
    g.advance(1ns);
    ASSERT_TRUE(read->over());
    if (stale) {
      EXPECT_TRUE(is_stale(read->value(), 1));
    } else {
      EXPECT_THROW(read->value(), std::domain_error);
    }
  }
}

// FusionCache G05: DistributedCacheCircuitBreakerActuallyWorks
// bentocache T15: circuit_breaking
TEST(PeersOutage, AnOpenBreakerMakesNoCallsAndNoOldValueComesBack) {
  group g(2);
  g[0].put(number(), 1);
  EXPECT_TRUE(is(g[1].get(number()), 1));
  open_breaker(g);
  EXPECT_FALSE(g[0].put(number(), 2));
  const auto before = calls(*g.stores[0]);
  for (int read = 0; read < 10; ++read) g[0].get(number("other"));
  EXPECT_EQ(calls(*g.stores[0]), before);
  recover(g);
  EXPECT_TRUE(is_miss(g[0].get(number())));
  EXPECT_TRUE(is_miss(g[1].get(number())));
}

// FusionCache G06: ReThrowsDistributedCacheExceptions
// Different: it is a returned value, never an exception.
// See docs/guide/second_level.md
TEST(PeersOutage, AWriteReportsThatTheStoreFailed) {
  group g(1);
  g.cut();
  EXPECT_FALSE(g[0].put(number(), 1));
  EXPECT_EQ(g[0].get(number()).info().reason, miss_reason::l2_down);
}

// FusionCache G15: HandlesDistributedCacheFailuresInTheMiddleOfAFactory
// Different: a value that the store has not taken is not kept in memory.
// See docs/guide/second_level.md#what-happens
TEST(PeersOutage, AValueThatTheStoreDoesNotTakeIsReturnedAndNotKept) {
  group g(1);
  source db;
  g.stores[0]->fail({.call = testing::store_call::fill});
  for (int round = 1; round <= 2; ++round) {
    const auto read = g[0].read(number(), db.fast(round));
    EXPECT_TRUE(is(read, round));
    EXPECT_FALSE(read.info().stored);
  }
  EXPECT_EQ(db.calls, 2);
}

// HybridCache H03: UnreliableL2 WriteFailureInvisible, ReadFailureInvisible
// Different: hits go on, and a new value is not kept without the store.
// See docs/guide/second_level.md#what-happens
TEST(PeersOutage, HitsGoOnAndNewValuesAreNotKept) {
  group g(1);
  source db;
  g[0].put(number("old"), 1);
  g.cut();
  EXPECT_TRUE(is(g[0].read(number("old"), db.fast(2)), 1));
  EXPECT_EQ(db.calls, 0);
  for (int round = 0; round < 3; ++round) EXPECT_TRUE(is(g[0].read(number("new"), db.fast(3)), 3));
  EXPECT_EQ(db.calls, 3);
}

// FusionCache A01: AutoRecovery CanHandleIssuesWithBothDistributedCacheAndBackplane
// Different: the value set in the outage is not kept, and the old one never returns.
// See docs/guide/second_level.md#what-happens
TEST(PeersOutage, AValueReplacedInAnOutageNeverReturns) {
  group g(2);
  source db;
  g[0].put(number(), 10);
  EXPECT_TRUE(is(g[1].get(number()), 10));
  g.stores[1]->fail({});
  EXPECT_FALSE(g[1].put(number(), 20));
  recover(g);
  EXPECT_TRUE(is(g[0].read(number(), db.fast(21)), 21));
  EXPECT_TRUE(is(g[1].read(number(), db.fast(22)), 21));
  EXPECT_EQ(db.calls, 1);
}

// FusionCache A03: AutoRecovery RespectsMaxItems
// Different: an overflow removes all rather than forgetting the oldest.
// See docs/guide/second_level.md#what-happens
TEST(PeersOutage, TooManyKeptRemovalsRemoveEverything) {
  group g(2, {.backlog_budget = byte_size{4096}});
  for (int id = 0; id < 2000; id += 100) g[1].put(number(std::to_string(id)), id);
  g[1].put(number("bystander"), 1);
  g.stores[0]->fail({});
  for (int id = 0; id < 2000; ++id) g[0].run(g[0].cache.remove(number(std::to_string(id))));
  recover(g);
  EXPECT_GT(g[0].cache.stats().second_level.overflows, 0U);
  for (int id = 0; id < 2000; id += 100) EXPECT_TRUE(is_miss(g[1].get(number(std::to_string(id))))) << id;
  EXPECT_TRUE(is_miss(g[1].get(number("bystander"))));
}

}  // namespace
}  // namespace strata::peers
