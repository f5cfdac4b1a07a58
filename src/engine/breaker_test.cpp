#include "engine/breaker.hpp"

#include <gtest/gtest.h>

namespace {

using namespace std::chrono_literals;
using strata::time_point;
using strata::detail::breaker;
using state = breaker::state;

struct Breaker : ::testing::Test {
  breaker over{3, 5s};
  time_point now{100s};

  void fail() {
    const auto pass = over.enter(now);
    ASSERT_TRUE(pass);
    over.failed(*pass, now);
  }
  void open() {
    for (int i = 0; i < 3; ++i) fail();
    ASSERT_EQ(over.current(), state::open);
  }
};

TEST_F(Breaker, OpensAfterSoManyFailuresInARow) {
  fail();
  fail();
  over.succeeded(*over.enter(now));
  fail();
  fail();
  EXPECT_EQ(over.current(), state::closed);
  fail();
  EXPECT_EQ(over.current(), state::open);
  EXPECT_EQ(over.times_opened(), 1u);
}

TEST_F(Breaker, LetsNobodyThroughWhileItRests) {
  open();
  EXPECT_FALSE(over.enter(now));
  now += 5s - 1ns;
  EXPECT_FALSE(over.enter(now));
  now += 1ns;
  EXPECT_TRUE(over.enter(now));
}

TEST_F(Breaker, RestsForATenthIfTheServiceAnswersOtherQuestions) {
  EXPECT_FALSE(over.answers(now)) << "closed";
  open();
  now += 499ms;
  EXPECT_FALSE(over.answers(now));
  EXPECT_FALSE(over.enter(now));
  now += 1ms;
  EXPECT_TRUE(over.answers(now));
  EXPECT_FALSE(over.answers(now)) << "the next call is due already";
  const auto trial = over.enter(now);
  ASSERT_TRUE(trial);
  over.failed(*trial, now);
  EXPECT_FALSE(over.answers(now)) << "it rests again";
  EXPECT_FALSE(over.enter(now));
}

TEST_F(Breaker, TriesWithOneCallAtATime) {
  open();
  now += 5s;
  const auto trial = over.enter(now);
  ASSERT_TRUE(trial);
  EXPECT_EQ(over.current(), state::half_open);
  EXPECT_FALSE(over.enter(now));
  over.succeeded(*trial);
  EXPECT_EQ(over.current(), state::closed);
  EXPECT_TRUE(over.enter(now));
  EXPECT_TRUE(over.enter(now));
}

TEST_F(Breaker, OpensAgainWhenTheTrialFails) {
  open();
  now += 5s;
  const auto trial = over.enter(now);
  now += 1s;
  over.failed(*trial, now);
  EXPECT_EQ(over.current(), state::open);
  now += 4s;
  EXPECT_FALSE(over.enter(now));
  now += 1s;
  EXPECT_TRUE(over.enter(now));
}

TEST_F(Breaker, TriesAgainWhenNothingIsHeardOfATrial) {
  open();
  now += 5s;
  const auto lost = over.enter(now);
  now += 5s;
  const auto second = over.enter(now);
  ASSERT_TRUE(second);
  over.failed(*lost, now);
  EXPECT_EQ(over.current(), state::half_open);
  over.succeeded(*second);
  EXPECT_EQ(over.current(), state::closed);
}

TEST_F(Breaker, IsNotChangedByCallsOfAnEarlierPeriod) {
  const auto slow = over.enter(now);
  const auto slower = over.enter(now);
  open();
  over.succeeded(*slow);
  EXPECT_EQ(over.current(), state::open);
  now += 5s;
  const auto trial = over.enter(now);
  over.failed(*slower, now);
  EXPECT_EQ(over.current(), state::half_open);
  over.succeeded(*trial);
  EXPECT_EQ(over.current(), state::closed);
}

TEST_F(Breaker, MayBeTriedAtOnceAfterAHint) {
  open();
  over.hint(now);
  EXPECT_TRUE(over.enter(now));
  EXPECT_FALSE(over.enter(now));
}

TEST_F(Breaker, NeverOpensWithoutALimit) {
  breaker never(0, 5s);
  for (int i = 0; i < 100; ++i) never.failed(*never.enter(now), now);
  EXPECT_EQ(never.current(), state::closed);
}

}  // namespace
