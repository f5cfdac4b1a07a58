#include "database/turn_queue.hpp"

#include "tests/contract/abandonable.hpp"

#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace strata::detail {
namespace {

using test::abandonable;

/// Waits for the turn and notes in `log` how that ended.
abandonable wait_for_turn(turn_queue& turns, std::string name, std::vector<std::string>& log) {
  const auto turn = co_await turns.wait();
  if (!turn) {
    name += ": ";
    name += strata::name(turn.error().code);
  }
  log.push_back(name);
}

class TurnQueue : public ::testing::Test {
 public:
  abandonable wait(std::string name) {
    auto task = wait_for_turn(turns, std::move(name), log);
    task.start(loop);
    return task;
  }
  void pass_on() {
    turns.pass_on();
    loop.run_ready();
  }

  run_loop loop;
  turn_queue turns{2};
  std::vector<std::string> log;
};

using names = std::vector<std::string>;

TEST_F(TurnQueue, GoesFromOneToTheNextInOrder) {
  const auto first = wait("first");
  const auto second = wait("second");
  const auto third = wait("third");
  EXPECT_EQ(log, names{"first"});
  pass_on();
  pass_on();
  EXPECT_EQ(log, (names{"first", "second", "third"}));
  pass_on();
  const auto fourth = wait("fourth");
  EXPECT_EQ(log.back(), "fourth");
}

TEST_F(TurnQueue, RefusesMoreThanItsLimit) {
  const auto first = wait("first");
  const auto second = wait("second");
  const auto third = wait("third");
  const auto fourth = wait("fourth");
  EXPECT_EQ(log, (names{"first", "fourth: busy"}));
}

TEST_F(TurnQueue, ClosedRefusesAllWhoWaitAndAllWhoCome) {
  const auto first = wait("first");
  const auto second = wait("second");
  turns.close();
  loop.run_ready();
  const auto third = wait("third");
  EXPECT_EQ(log, (names{"first", "second: database_unavailable", "third: database_unavailable"}));
}

TEST_F(TurnQueue, ATaskDestroyedWhileItWaitsLeavesTheQueue) {
  const auto first = wait("first");
  auto second = wait("second");
  const auto third = wait("third");
  second.destroy();
  const auto fourth = wait("fourth");  // there is a place again
  pass_on();
  EXPECT_EQ(log, (names{"first", "third"}));
}

TEST_F(TurnQueue, ATaskDestroyedOnItsWayBackPassesTheTurnOn) {
  const auto first = wait("first");
  auto second = wait("second");
  const auto third = wait("third");
  turns.pass_on();
  second.destroy();
  loop.run_ready();
  EXPECT_EQ(log, (names{"first", "third"}));
}

}  // namespace
}  // namespace strata::detail
