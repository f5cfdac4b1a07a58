#include "engine/bulkhead.hpp"

#include "tests/contract/abandonable.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace strata::detail {
namespace {

struct Bulkhead : ::testing::Test {
  using entry = std::optional<bulkhead::pass>;

  /// Asks for a turn; what came of it is in the returned object once it has come.
  static std::shared_ptr<std::optional<entry>> ask(bulkhead& of) {
    auto out = std::make_shared<std::optional<entry>>();
    start(nullptr, of.enter(), [out](completion<entry> done) { out->emplace(std::move(*done)); });
    return out;
  }
};

TEST_F(Bulkhead, WithoutALimitEveryoneMayRun) {
  bulkhead none(0, 0);
  const auto first = ask(none);
  const auto second = ask(none);
  EXPECT_TRUE(**first && **second);
}

TEST_F(Bulkhead, TheNextInLineRunsWhenOneLeaves) {
  bulkhead one(1, 2);
  const auto running = ask(one);
  const auto next = ask(one);
  const auto last = ask(one);
  ASSERT_TRUE(**running);
  EXPECT_FALSE(*next);
  running->reset();
  ASSERT_TRUE(*next);
  EXPECT_TRUE(**next);
  EXPECT_FALSE(*last) << "first come, first served";
  next->reset();
  EXPECT_TRUE(*last && **last);
}

TEST_F(Bulkhead, AFullQueueTurnsCallersAway) {
  bulkhead one(1, 1);
  const auto running = ask(one);
  const auto waiting = ask(one);
  const auto refused = ask(one);
  ASSERT_TRUE(*refused);
  EXPECT_FALSE(**refused);
  EXPECT_FALSE(*waiting);
}

TEST_F(Bulkhead, ATaskThatIsDroppedBeforeItStartsLeavesTheQueue) {
  bulkhead one(1, 1);
  const auto running = ask(one);
  {
    const auto never_started = one.enter();
  }
  const auto next = ask(one);
  EXPECT_FALSE(*next) << "it waits in the queue";
  running->reset();
  ASSERT_TRUE(*next && **next);
}

TEST_F(Bulkhead, ATurnThatComesBeforeItsTaskStartsGoesToTheNext) {
  bulkhead one(1, 2);
  const auto running = ask(one);
  auto not_started = std::optional(one.enter());
  const auto next = ask(one);
  running->reset();
  EXPECT_FALSE(*next) << "it is the turn of the task that has not started";
  not_started.reset();
  EXPECT_TRUE(*next && **next);
}

strata::test::abandonable wait_for_turn(bulkhead& of) {
  (void)co_await of.enter();
}

TEST_F(Bulkhead, ADestroyedWaiterPassesItsTurnOn) {
  bulkhead one(1, 2);
  run_loop loop;
  const auto running = ask(one);
  auto destroyed = wait_for_turn(one);
  destroyed.start(loop);
  const auto last = ask(one);
  destroyed.destroy();
  running->reset();
  EXPECT_TRUE(*last && **last);
}

}  // namespace
}  // namespace strata::detail
