#include "database/postgres/redial.hpp"

#include <gtest/gtest.h>

namespace strata::detail {
namespace {

using namespace std::chrono_literals;

constexpr time_point start{1h};

TEST(Redial, DialsAtOnceWhileTheServerAnswers) {
  redial when;
  EXPECT_TRUE(when.may_dial(start));
  when.started();
  EXPECT_TRUE(when.may_dial(start)) << "several at once";
  when.succeeded();
  EXPECT_FALSE(when.is_down());
}

TEST(Redial, AfterAFailureOneAttemptAtATimeAndNotBeforeItsPause) {
  redial when;
  when.started();
  when.failed(start);
  EXPECT_TRUE(when.is_down());
  EXPECT_FALSE(when.may_dial(start));
  EXPECT_TRUE(when.may_dial(start + redial::first_pause));
  when.started();
  EXPECT_FALSE(when.may_dial(start + 1h)) << "one is under way";
}

TEST(Redial, PausesGrowToALimitAndDiffer) {
  redial one(1);
  redial other(2);
  auto now = start;
  bool differ = false;
  for (int i = 0; i < 40; ++i) {
    for (auto* each : {&one, &other}) {
      each->started();
      each->failed(now);
    }
    const auto half = redial::longest_pause / 4;
    differ = differ || one.may_dial(now + half) != other.may_dial(now + half) ||
             one.may_dial(now + 3 * half) != other.may_dial(now + 3 * half);
    EXPECT_TRUE(one.may_dial(now + redial::longest_pause));
    if (i > 10) {
      EXPECT_FALSE(one.may_dial(now + redial::longest_pause / 2 - 1ms));
    }
    now += redial::longest_pause;
  }
  EXPECT_TRUE(differ);
}

TEST(Redial, OneSuccessAndEverybodyMayDialAgain) {
  redial when;
  when.started();
  when.failed(start);
  when.started();
  when.succeeded();
  EXPECT_TRUE(when.may_dial(start));
  EXPECT_FALSE(when.is_down());
}

}  // namespace
}  // namespace strata::detail
