#include "redis/connection/deadline_wheel.hpp"

#include <map>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace strata::redis {
namespace {

using namespace std::chrono_literals;

const time_point start{100s};

class holder {
 public:
  ~holder() {
    for (auto* each : all_) each->drop();
  }
  request& make(time_point deadline) {
    all_.push_back(new request(resp::command("PING"), deadline, false));
    return *all_.back();
  }

 private:
  std::vector<request*> all_;
};

TEST(DeadlineWheel, EndsEachAtItsTimeOrATickLater) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  holder held;
  deadline_wheel wheel(start);
  std::map<request*, time_point> ended;
  std::vector<request*> all;
  time_point now = start;
  for (int i = 0; i < 3000; ++i) {
    auto& one = held.make(now + std::chrono::microseconds(random() % 5'000'000));
    wheel.add(one);
    all.push_back(&one);
    now += std::chrono::microseconds(random() % (i % 100 == 0 ? 3'000'000 : 6'000));
    wheel.advance(now, [&](request& late) {
      EXPECT_LE(late.deadline, now);
      EXPECT_TRUE(ended.emplace(&late, now).second);
    });
    for (auto* each : all) {
      if (each->deadline + 2 * deadline_wheel::tick <= now) {
        ASSERT_TRUE(ended.contains(each));
      }
    }
  }
  now += 10s;
  wheel.advance(now, [&](request& late) { ended.emplace(&late, now); });
  EXPECT_EQ(ended.size(), all.size());
  EXPECT_TRUE(wheel.empty());
}

TEST(DeadlineWheel, WhatWasTakenOutDoesNotEnd) {
  holder held;
  deadline_wheel wheel(start);
  auto& one = held.make(start + 10ms);
  auto& two = held.make(start + 10ms);
  auto& three = held.make(start + 10ms);
  wheel.add(one);
  wheel.add(two);
  wheel.add(three);
  wheel.remove(two);
  wheel.remove(two);
  std::vector<request*> ended;
  wheel.advance(start + 1s, [&](request& late) { ended.push_back(&late); });
  EXPECT_EQ(ended, (std::vector<request*>{&three, &one}));
  EXPECT_TRUE(wheel.empty());
}

TEST(DeadlineWheel, OneThatHasPassedAlreadyEndsWithTheNextTick) {
  holder held;
  deadline_wheel wheel(start);
  wheel.add(held.make(start - 1h));
  int ended = 0;
  wheel.advance(start + 2 * deadline_wheel::tick, [&](request&) { ++ended; });
  EXPECT_EQ(ended, 1);
}

TEST(DeadlineWheel, OneWithoutADeadlineNeverEnds) {
  holder held;
  deadline_wheel wheel(start);
  auto& one = held.make(time_point::max());
  wheel.add(one);
  for (int i = 1; i < 1000; ++i) {
    wheel.advance(start + i * 10ms, [&](request&) { ADD_FAILURE(); });
  }
  EXPECT_FALSE(wheel.empty());
  wheel.remove(one);
}

}  // namespace
}  // namespace strata::redis
