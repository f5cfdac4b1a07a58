#include "server/body_stream.hpp"

#include <gtest/gtest.h>

namespace strata::server {
namespace {

TEST(BodyStream, HandsOutAllThatWaitsAtOnce) {
  body_stream of;
  EXPECT_TRUE(of.send("one "));
  EXPECT_TRUE(of.send("two"));
  bool woken = false;
  const auto got = of.take([&] { woken = true; });
  EXPECT_EQ(got.text, "one two");
  EXPECT_FALSE(got.over);
  EXPECT_TRUE(of.send("three"));
  EXPECT_FALSE(woken) << "who has got something comes again by itself";
}

TEST(BodyStream, WakesOnceWhoFoundNothing) {
  body_stream of;
  int woken = 0;
  EXPECT_EQ(of.take([&] { ++woken; }).text, "");
  of.send("one");
  of.send("two");
  EXPECT_EQ(woken, 1);
  EXPECT_EQ(of.take([] {}).text, "onetwo");
}

TEST(BodyStream, EndsBehindWhatWasSent) {
  body_stream of;
  int woken = 0;
  of.take([&] { ++woken; });
  of.end();
  EXPECT_EQ(woken, 1);
  EXPECT_TRUE(of.take([] {}).over);
  EXPECT_FALSE(of.send("late"));
  EXPECT_EQ(of.take([] {}).text, "");
}

TEST(BodyStream, IsOverWhenTooMuchWaits) {
  body_stream of("", 10);
  EXPECT_TRUE(of.send("0123456789"));
  EXPECT_FALSE(of.send("x"));
  const auto got = of.take([] {});
  EXPECT_TRUE(got.over);
  EXPECT_EQ(got.text, "") << "a part of it would look like all of it";
  EXPECT_FALSE(of.send("y"));
}

TEST(BodyStream, ForgetsWhoWaited) {
  body_stream of;
  bool woken = false;
  of.take([&] { woken = true; });
  EXPECT_TRUE(of.forget());
  EXPECT_FALSE(of.forget());
  EXPECT_FALSE(of.send("for nobody"));
  EXPECT_FALSE(woken);
}

}  // namespace
}  // namespace strata::server
