#include "async/one_shot.hpp"

#include "tests/contract/abandonable.hpp"

#include <array>
#include <barrier>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace strata::detail {
namespace {

using test::abandonable;

template <class T>
using shot = std::shared_ptr<one_shot<T>>;

task<int> value_of(shot<int> from) {
  co_return co_await from->wait();
}

template <class T>
abandonable take(shot<T> from, std::optional<T>& into) {
  into.emplace(co_await from->wait());
}

TEST(OneShot, AValueThatIsThereDoesNotSuspend) {
  const auto early = std::make_shared<one_shot<int>>();
  EXPECT_TRUE(early->set(7));
  std::optional<int> found;
  start(nullptr, value_of(early), [&](completion<int> value) { found = *value; });
  EXPECT_EQ(found, 7);
}

TEST(OneShot, ResumesOnTheExecutorOrElseOnTheSettersThread) {
  const auto home = std::this_thread::get_id();
  std::thread::id resumed;
  const auto record = [&](completion<int>) { resumed = std::this_thread::get_id(); };
  run_loop loop;
  const auto posted = std::make_shared<one_shot<int>>();
  start(&loop, value_of(posted), record);
  std::thread([&] { posted->set(1); }).join();
  EXPECT_EQ(resumed, std::thread::id());
  EXPECT_EQ(loop.run_ready(), 1u);
  EXPECT_EQ(resumed, home);
  const auto direct = std::make_shared<one_shot<int>>();
  start(nullptr, value_of(direct), record);
  std::thread setter([&] { direct->set(1); });
  const auto other = setter.get_id();
  setter.join();
  EXPECT_EQ(resumed, other);
}

TEST(OneShot, KeepsTheFirstValueOnly) {
  const auto once = std::make_shared<one_shot<int>>();
  EXPECT_TRUE(once->set(1));
  EXPECT_FALSE(once->set(2));
  EXPECT_EQ(sync_wait(value_of(once)), 1);
  EXPECT_FALSE(once->set(3));
}

TEST(OneShot, WhatIsDestroyedBeforeTheValueComesIsNotWanted) {
  const auto late = std::make_shared<one_shot<std::shared_ptr<int>>>();
  const auto value = std::make_shared<int>(1);
  std::optional<std::shared_ptr<int>> found;
  {
    run_loop loop;
    auto task = take(late, found);
    task.start(loop);
    EXPECT_TRUE(late->is_wanted());
  }
  EXPECT_FALSE(late->is_wanted());
  EXPECT_FALSE(late->set(value)) << "and the executor, which is gone, is not touched";
  EXPECT_FALSE(found);
  EXPECT_EQ(value.use_count(), 1) << "nobody will take it";
}

TEST(OneShot, WhatIsDestroyedOnItsWayBackIsNotResumed) {
  const auto ready = std::make_shared<one_shot<std::shared_ptr<int>>>();
  const auto value = std::make_shared<int>(1);
  std::optional<std::shared_ptr<int>> found;
  run_loop loop;
  {
    auto task = take(ready, found);
    task.start(loop);
    EXPECT_TRUE(ready->set(value));
    EXPECT_EQ(value.use_count(), 2);
  }
  EXPECT_EQ(value.use_count(), 1) << "at once, not when the executor comes to it";
  EXPECT_EQ(loop.run_ready(), 1u);
  EXPECT_FALSE(found);
}

TEST(OneShot, WhatIsDestroyedWithoutHavingWaitedLeavesNothing) {
  const auto value = std::make_shared<int>(1);
  const auto ready = std::make_shared<one_shot<std::shared_ptr<int>>>();
  {
    const auto unused = ready->wait();
  }
  EXPECT_FALSE(ready->set(value));
  EXPECT_EQ(value.use_count(), 1);
}

TEST(OneShot, WorkThatBeginsWithTheWaitComesBackByTheExecutorHoweverFastItIs) {
  const auto fast = std::make_shared<one_shot<int>>();
  std::optional<int> found;
  run_loop loop;
  auto work = [](shot<int> from) -> task<int> {
    co_return co_await from->wait_for([from]() -> std::optional<int> {
      from->set(3);
      return std::nullopt;
    });
  };
  start(&loop, work(fast), [&](completion<int> value) { found = *value; });
  EXPECT_FALSE(found);
  EXPECT_EQ(loop.run_ready(), 1u);
  EXPECT_EQ(found, 3);
}

TEST(OneShot, WorkThatIsRefusedDoesNotSuspend) {
  const auto refused = std::make_shared<one_shot<int>>();
  auto work = [](shot<int> from) -> task<int> {
    co_return co_await from->wait_for([] { return std::optional<int>(4); });
  };
  std::optional<int> found;
  run_loop loop;
  start(&loop, work(refused), [&](completion<int> value) { found = *value; });
  EXPECT_EQ(found, 4);
  EXPECT_FALSE(refused->set(5)) << "nobody waits any more";
}

TEST(OneShot, RacedBySettersTheFirstOneCounts) {
  constexpr int setters = 3;
  constexpr int rounds = 300;
  std::vector<shot<int>> shots;
  for (int i = 0; i < rounds; ++i) shots.push_back(std::make_shared<one_shot<int>>());
  std::vector<std::array<bool, setters>> won(rounds);
  std::barrier together(setters + 1);
  std::vector<std::thread> threads;
  for (int i = 0; i < setters; ++i) {
    threads.emplace_back([&, i] {
      for (int round = 0; round < rounds; ++round) {
        together.arrive_and_wait();
        won[round][i] = shots[round]->set(i);
      }
    });
  }
  std::vector<int> found(rounds, -1);
  for (int round = 0; round < rounds; ++round) {
    together.arrive_and_wait();
    found[round] = sync_wait(value_of(shots[round]));  // the wait itself is raced as well
  }
  for (auto& each : threads) each.join();
  for (int round = 0; round < rounds; ++round) {
    for (int i = 0; i < setters; ++i) EXPECT_EQ(won[round][i], i == found[round]) << round;
  }
}

TEST(OneShot, RacedByTheSetterATaskAndItsExecutorCanBeDestroyed) {
  constexpr int rounds = 500;
  std::vector<shot<std::shared_ptr<int>>> shots;
  for (int i = 0; i < rounds; ++i) shots.push_back(std::make_shared<one_shot<std::shared_ptr<int>>>());
  const auto value = std::make_shared<int>(1);
  std::barrier together(2);
  std::thread setter([&] {
    for (const auto& each : shots) {
      together.arrive_and_wait();
      each->set(value);
    }
  });
  for (int round = 0; round < rounds; ++round) {
    std::optional<std::shared_ptr<int>> found;
    const auto loop = std::make_unique<run_loop>();
    auto task = take(shots[round], found);
    task.start(*loop);
    together.arrive_and_wait();
    for (int i = 0; i < round % 8; ++i) loop->run_ready();  // so that some are resumed and some dropped
  }
  setter.join();
  EXPECT_EQ(value.use_count(), 1);
}

}  // namespace
}  // namespace strata::detail
