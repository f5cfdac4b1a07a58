/// Values that a change overtakes on their way in, and the reads that wait for them.

#include "engine/two_stages_test_support.hpp"

#include <gtest/gtest.h>

namespace {

using namespace strata;
using namespace strata::engine_test;
using namespace std::chrono_literals;
using strata::testing::store_call;

struct Overtaken : ::testing::Test {
  two_stages t;

  /// A factory that waits until the test lets it go.
  static auto held(const std::shared_ptr<async_latch>& go, const char* name) {
    return [go, name]() -> task<agent> {
      co_await go->wait();
      co_return agent{"1", name};
    };
  }
  /// A task that says what it came to.
  template <class T>
  static std::shared_ptr<std::optional<T>> begin(stage& by, task<T> work) {
    auto got = std::make_shared<std::optional<T>>();
    start(&by.front, std::move(work), [got](completion<T> done) { *got = std::move(*done); });
    by.settle();
    return got;
  }
};

TEST_F(Overtaken, AFlightGoesOnWhenATagThatItDoesNotCarryCouldNotBeTold) {
  const auto go = std::make_shared<async_latch>();
  const auto leading = t.a.read(held(go, "first"));
  t.below_a->fail({.call = store_call::raise});
  sync_wait(t.a.store.remove_by_tag("others"));
  int calls = 0;
  const auto following = t.a.read([&] {
    ++calls;
    return agent{"1", "second"};
  });
  EXPECT_EQ(calls, 0) << "one factory call at a time";
  go->set();
  t.settle();
  EXPECT_EQ(leading->got->value()->name, "first");
  ASSERT_TRUE(following->got);
  EXPECT_LE(calls, 1);
}

TEST_F(Overtaken, WhoReadsAfterAnExpiryIsNotGivenWhatAFlightReadBefore) {
  for (const bool by_tag : {true, false}) {
    two_stages of;
    const auto go = std::make_shared<async_latch>();
    const auto leading = of.a.read(held(go, "old"));
    sync_wait(by_tag ? of.a.store.expire_by_tag("agents") : of.a.store.expire_by_prefix("agent"));
    const auto following = of.a.read_value("new");
    go->set();
    of.settle();
    EXPECT_EQ(leading->got->value()->name, "old");
    ASSERT_TRUE(following->got);
    EXPECT_EQ(following->got->value()->name, "new");
    EXPECT_FALSE(following->got->info().stale);
  }
}

TEST_F(Overtaken, AFollowerTakesWhatWasReadFromTheSourceAfterItCame) {
  const auto one = std::make_shared<async_latch>();
  const auto two = std::make_shared<async_latch>();
  const auto first = t.a.read(held(one, "first"));
  int calls = 0;
  const auto following = t.a.read([&] {
    ++calls;
    return agent{"1", "third"};
  });
  sync_wait(t.a.store.remove(t.a.agents("1")));
  const auto second = t.a.read(held(two, "second"));
  one->set();
  t.settle();
  EXPECT_EQ(first->got->value()->name, "first");
  EXPECT_FALSE(following->got) << "it follows the second now, since the first was read before the removal";
  sync_wait(t.a.store.remove(t.a.agents("1")));
  const auto late = t.a.read_value("fourth");
  two->set();
  t.settle();
  EXPECT_EQ(second->got->value()->name, "second");
  ASSERT_TRUE(following->got);
  EXPECT_EQ(following->got->value()->name, "second");
  EXPECT_EQ(calls, 0);
  EXPECT_EQ(late->got->value()->name, "fourth") << "it came after the second removal";
}

TEST_F(Overtaken, WhoComesWhenAValuesTimeIsOverDoesNotFollowItsSlowFill) {
  cache_options slow;
  slow.l2_timeout = 0s;
  two_stages of({.ttl = 10s, .jitter = 0}, slow);
  of.below_a->delay({.call = store_call::fill, .times = 1, .after = true});
  const auto leading = of.a.read_value("old");
  of.advance(5s);
  const auto early = of.a.read_value("never");
  of.advance(6s);
  const auto late = of.a.read_value("new");
  of.below_a->let_go();
  of.settle();
  EXPECT_EQ(leading->got->value()->name, "old");
  EXPECT_EQ(early->got->value()->name, "old");
  ASSERT_TRUE(late->got);
  EXPECT_EQ(late->got->value()->name, "new");
}

TEST_F(Overtaken, ASetWhoseLeaseComesAfterARemovalStoresNothing) {
  for (const bool by_tag : {false, true}) {
    two_stages of;
    of.below_a->delay({.call = store_call::force_lease, .times = 1});
    const auto set = begin(of.a, of.a.store.set(of.a.agents("1"), agent{"1", "old"}));
    ASSERT_FALSE(*set);
    sync_wait(by_tag ? of.a.store.remove_by_tag("agents") : of.a.store.remove(of.a.agents("1")));
    of.below_a->let_go();
    of.settle();
    EXPECT_EQ(*set, false);
    EXPECT_EQ(of.read(of.a, "new")->name, "new");
    EXPECT_EQ(of.read(of.b, "newer")->name, "new");
  }
}

TEST_F(Overtaken, ASetWhoseLeaseComesAfterALaterWriteStoresNothing) {
  for (const bool by_ticket : {false, true}) {
    two_stages of;
    of.below_a->delay({.call = store_call::force_lease, .times = 1});
    const auto early = begin(of.a, of.a.store.set(of.a.agents("1"), agent{"1", "old"}));
    of.below_a->delay({.call = store_call::fill, .times = 1, .after = true});
    std::shared_ptr<std::optional<bool>> late;
    if (by_ticket) {
      auto ticket = sync_wait(of.a.store.begin_write(of.a.agents("1")));
      const auto row = std::make_shared<const agent>("1", "new");
      late = begin(of.a, of.a.store.set_committed(std::move(ticket), of.a.agents("1"), row));
    } else {
      late = begin(of.a, of.a.store.set(of.a.agents("1"), agent{"1", "new"}));
    }
    ASSERT_FALSE(*late) << "it is stored, and its answer on its way";
    EXPECT_EQ(sync_wait(of.b.store.get(of.b.agents("1")))->name, "new");
    of.below_a->let_go(1);
    of.settle();
    EXPECT_EQ(*early, false);
    of.below_a->let_go();
    of.settle();
    ASSERT_TRUE(*late);
    for (auto* each : {&of.a, &of.b}) {
      const auto left = sync_wait(each->store.get(each->agents("1")));
      EXPECT_TRUE(!left || left->name == "new");
    }
  }
}

TEST_F(Overtaken, ASetWhoseLeaseComesAfterAnotherProcessRemovedTheKeyStoresNothing) {
  t.below_a->delay({.call = store_call::force_lease, .times = 1});
  const auto set = begin(t.a, t.a.store.set(t.a.agents("1"), agent{"1", "old"}));
  sync_wait(t.b.store.remove(t.b.agents("1")));
  t.below_a->let_go();
  t.settle();
  EXPECT_EQ(*set, false);
  EXPECT_EQ(t.read(t.b, "new")->name, "new");
}

TEST_F(Overtaken, ATicketsWriteStandsThoughSomethingWasRemovedBeforeItsLease) {
  t.below_a->delay({.call = store_call::force_lease, .times = 1});
  std::optional<cache::write_ticket> ticket;
  start(&t.a.front, t.a.store.begin_write(t.a.agents("1")),
        [&](completion<cache::write_ticket> got) { ticket.emplace(std::move(*got)); });
  sync_wait(t.a.store.remove(t.a.agents("1")));
  t.below_a->let_go();
  t.settle();
  ASSERT_TRUE(ticket);
  const auto row = std::make_shared<const agent>("1", "new");
  EXPECT_TRUE(sync_wait(t.a.store.set_committed(std::move(*ticket), t.a.agents("1"), row)));
  EXPECT_EQ(t.read(t.b, "never")->name, "new");
}

TEST_F(Overtaken, AStaleValueThatAnotherProcessRemovedWhileWeWaitedForItDoesNotStandIn) {
  two_stages of({.ttl = 10s, .jitter = 0, .fail_safe = true, .grace = 60s});
  of.read(of.a, "old");
  of.advance(11s);
  const auto go = std::make_shared<async_latch>();
  const auto theirs = of.b.read(held(go, "newer"));
  const auto ours = of.a.read(failing);
  EXPECT_FALSE(ours->got || ours->thrown) << "it waits for the other process";
  sync_wait(of.b.store.remove(of.b.agents("1")));
  go->set();
  of.settle();
  of.settle();
  EXPECT_FALSE(ours->got);
  EXPECT_TRUE(ours->thrown);
}

TEST_F(Overtaken, WhatIsLeftOfAValuesTimeIsCountedFromTheQuestionNotFromTheAnswer) {
  cache_options slow;
  slow.l2_timeout = 0s;
  for (const bool batch : {false, true}) {
    two_stages of({.ttl = 60s, .jitter = 0}, slow);
    of.read(of.b, "old");
    of.below_a->delay(
        {.call = batch ? store_call::get_many : store_call::acquire, .times = 1, .after = true});
    std::vector<typed_key<agent>> keys{of.a.agents("1")};
    duration left{};
    const auto note = [&](const lookup<agent>& got) { left = got.info().ttl; };
    if (batch) {
      start(&of.a.front, of.a.store.get_many(keys),
            [&](completion<std::vector<lookup<agent>>> got) { note(got->front()); });
    } else {
      start(&of.a.front, of.a.store.get_or_set(keys[0], [] { return agent{"1", "never"}; }),
            [&](completion<lookup<agent>> got) { note(*got); });
    }
    of.settle();
    of.advance(20s);
    of.below_a->let_go();
    of.settle();
    EXPECT_EQ(left, duration(40s));
  }
}

}  // namespace
