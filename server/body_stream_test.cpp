#include "server/body_stream.hpp"

#include <gtest/gtest.h>

namespace strata::server {
namespace {

TEST(BodyStream, TakesAllQueuedPiecesAtOnce) {
  body_stream stream;
  EXPECT_TRUE(stream.send("one "));
  EXPECT_TRUE(stream.send("two"));
  bool woken = false;
  const auto got = stream.take([&] { woken = true; });
  EXPECT_EQ(got.text, "one two");
  EXPECT_FALSE(got.ended);
  EXPECT_TRUE(stream.send("three"));
  EXPECT_FALSE(woken) << "a taker that got a piece takes again by itself";
}

TEST(BodyStream, WakesATakerThatFoundNothingOnce) {
  body_stream stream;
  int woken = 0;
  EXPECT_EQ(stream.take([&] { ++woken; }).text, "");
  stream.send("one");
  stream.send("two");
  EXPECT_EQ(woken, 1);
  EXPECT_EQ(stream.take([] {}).text, "onetwo");
}

TEST(BodyStream, EndsAfterTheQueuedPieces) {
  body_stream stream;
  int woken = 0;
  stream.take([&] { ++woken; });
  stream.end();
  EXPECT_EQ(woken, 1);
  EXPECT_TRUE(stream.take([] {}).ended);
  EXPECT_FALSE(stream.send("late"));
  EXPECT_EQ(stream.take([] {}).text, "");
}

TEST(BodyStream, EndsWhenTheClientIsTooSlow) {
  body_stream stream("", 10);
  EXPECT_TRUE(stream.send("0123456789"));
  EXPECT_FALSE(stream.send("x"));
  const auto got = stream.take([] {});
  EXPECT_TRUE(got.ended);
  EXPECT_EQ(got.text, "") << "a part of it would look complete";
  EXPECT_FALSE(stream.send("y"));
}

TEST(BodyStream, AbandoningDropsTheTaker) {
  body_stream stream;
  bool woken = false;
  stream.take([&] { woken = true; });
  EXPECT_TRUE(stream.abandon());
  EXPECT_FALSE(stream.abandon());
  EXPECT_FALSE(stream.send("late"));
  EXPECT_FALSE(woken);
}

}  // namespace
}  // namespace strata::server
