/// Soft and hard timeouts of factories, as the suites of other caches ask for them.

#include "tests/peers/support.hpp"

namespace strata::peers {
namespace {

const policy soft{.ttl = 1s, .jitter = 0, .fail_safe = true, .grace = 1h, .soft_timeout = 100ms};
const policy hard{.ttl = 1h, .jitter = 0, .hard_timeout = 500ms};

// FusionCache F04: ThrowsOnFactoryHardTimeoutWithoutStaleData, with a soft timeout above the hard one
// Different: the longer soft timeout is refused at once.
// See docs/guide/timeouts.md#options
TEST(PeersTimeouts, ASoftTimeoutAboveTheHardOneIsRefused) {
  EXPECT_THROW(number({.fail_safe = true, .soft_timeout = 2s, .hard_timeout = 100ms}), bad_options);
}

// FusionCache F05: ReturnsStaleDataWhenFactorySoftTimeout
TEST(PeersTimeouts, TheSoftTimeoutIsExact) {
  process p;
  source db;
  p.put(number(soft), 42);
  p.advance(1s);
  const auto read = p.begin(p.cache.get_or_set(number(soft), db.slow(43)));
  p.advance(99ms);
  EXPECT_FALSE(read->over());
  p.advance(1ms);
  EXPECT_TRUE(is_stale(read->value(), 42));
  db.answers.set();
  p.settle();
}

// FusionCache F06: DoesNotSoftTimeoutWithoutStaleData
TEST(PeersTimeouts, WithoutAStaleValueAReaderWaitsBeyondTheSoftTimeout) {
  process p;
  source db;
  const auto read = p.begin(p.cache.get_or_set(number(soft), db.slow(43)));
  p.advance(10s);
  EXPECT_FALSE(read->over());
  db.answers.set();
  p.settle();
  EXPECT_TRUE(is(read->value(), 43));
}

// FusionCache F07: DoesHardTimeoutEvenWithoutStaleData
TEST(PeersTimeouts, TheHardTimeoutIsExactAndTheLateValueIsStored) {
  process p;
  source db;
  const auto read = p.begin(p.cache.get_or_set(number(hard), db.slow(43)));
  p.advance(500ms - 1ns);
  EXPECT_FALSE(read->over());
  p.advance(1ns);
  ASSERT_NE(read->value().failure(), nullptr);
  EXPECT_EQ(read->value().failure()->code, errc::timeout);
  db.answers.set();
  p.settle();
  EXPECT_TRUE(is(p.get(number(hard)), 43));
}

// FusionCache F12: FactoryTimedOutButSuccessfulDoesUpdateCachedValue
TEST(PeersTimeouts, AValueAfterTheSoftTimeoutReplacesTheStaleOne) {
  process p;
  source db;
  p.put(number(soft), 42);
  p.advance(1s);
  const auto read = p.begin(p.cache.get_or_set(number(soft), db.slow(21)));
  p.advance(100ms);
  EXPECT_TRUE(is_stale(read->value(), 42));
  db.answers.set();
  p.settle();
  EXPECT_TRUE(is(p.get(number(soft)), 21));
}

// FusionCache F41: SoftTimeoutDoesNotBreakStampedeProtection
TEST(PeersTimeouts, ReadersThatDoNotWaitStillShareOneCall) {
  process p;
  source db;
  p.put(number(soft), 42);
  p.advance(1s);
  std::vector<std::shared_ptr<call<lookup<int>>>> reads;
  for (int reader = 0; reader < 20; ++reader) {
    reads.push_back(p.begin(p.cache.get_or_set(number(soft), db.slow(43))));
  }
  p.advance(100ms);
  for (const auto& each : reads) EXPECT_TRUE(is_stale(each->value(), 42));
  EXPECT_EQ(db.calls, 1);
  db.answers.set();
  p.settle();
}

// bentocache T10: timeouts, the factory goes on after a hard timeout and its value is saved in both levels
TEST(PeersTimeouts, ALateValueIsStoredInBothLevels) {
  group g(2);
  source db;
  const auto read = g[0].begin(g[0].cache.get_or_set(number(hard), db.slow(43)));
  g.advance(500ms);
  EXPECT_NE(read->value().failure(), nullptr);
  db.answers.set();
  g.settle();
  EXPECT_EQ(g[0].get(number(hard)).info().from, layer::l1);
  const auto elsewhere = g[1].get(number(hard));
  EXPECT_TRUE(is(elsewhere, 43));
  EXPECT_EQ(elsewhere.info().from, layer::l2);
}

// bentocache T11: locks, the lock timeout of a waiter
TEST(PeersTimeouts, AWaiterGivesUpAlone) {
  process p;
  source db;
  const auto patient = p.begin(p.cache.get_or_set(number(), db.slow(43)));
  const auto hasty = p.begin(p.cache.get_or_set(number(hard), db.slow(44)));
  p.advance(500ms);
  ASSERT_NE(hasty->value().failure(), nullptr);
  EXPECT_EQ(hasty->value().failure()->code, errc::timeout);
  db.answers.set();
  p.settle();
  EXPECT_TRUE(is(patient->value(), 43));
  EXPECT_EQ(db.calls, 1);
}

// cachified D07: late responses do not update; a pending value is not used after its ttl
TEST(PeersTimeouts, ALateValueDoesNotReplaceANewerOne) {
  process p;
  source late;
  source db;
  const auto first = p.begin(p.cache.get_or_set(number(hard), late.slow(1)));
  p.advance(500ms);
  EXPECT_NE(first->value().failure(), nullptr);
  EXPECT_TRUE(is(p.read(number(hard), db.fast(2)), 2));
  late.answers.set();
  p.settle();
  EXPECT_TRUE(is(p.get(number(hard)), 2));
}

// caffeine X06: ExpireAfterVarTest compute_recursive
// Different: nothing detects it, and the hard timeout ends it.
// See docs/guide/single_flight.md#steps
TEST(PeersTimeouts, AFactoryThatReadsItsOwnKeyIsEndedByTheHardTimeout) {
  process p;
  bool inner_ended = false;
  const auto recursive = [&]() -> task<int> {
    const auto inner = co_await p.cache.get_or_set(number({.hard_timeout = 1s}), [] { return 1; });
    inner_ended = inner.failure() != nullptr;
    co_return 1;
  };
  const auto read = p.begin(p.cache.get_or_set(number(hard), recursive));
  p.advance(500ms);
  ASSERT_TRUE(read->over());
  ASSERT_NE(read->value().failure(), nullptr);
  EXPECT_EQ(read->value().failure()->code, errc::timeout);
  p.advance(500ms);
  EXPECT_TRUE(inner_ended);
}

// symfony S02: AdapterTestCase testRecursiveGet, which reads another key
TEST(PeersTimeouts, AFactoryMayReadAnotherKey) {
  process p;
  source db;
  const auto outer = [&]() -> task<int> {
    const auto inner = co_await p.cache.get_or_set(number("inner"), db.fast(1));
    co_return *inner + 1;
  };
  for (int round = 0; round < 2; ++round) EXPECT_TRUE(is(p.read(number("outer"), outer), 2));
  EXPECT_EQ(db.calls, 1);
}

}  // namespace
}  // namespace strata::peers
