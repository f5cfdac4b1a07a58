/// Clients that look up their server's address.

#include "redis/connection/client.hpp"
#include "tests/redis/client_support.hpp"

#include <atomic>

#include <gtest/gtest.h>

namespace strata::redis {
namespace {

using test::connects;
using test::eventually;

/// Two servers, and which of them is the right one.
struct Locate : testing::Test {
  test::redis_server one, two;
  std::atomic<const test::redis_server*> right = &one;
  std::atomic<int> asked = 0;
  runtime threads;

  client_options options() {
    auto made = test::options_for(1);
    made.at = {};
    made.locate = [this] { return answer(); };
    return made;
  }
  task<result<address>> answer() {
    ++asked;
    const auto* const there = right.load();
    if (there == nullptr) co_return fail(errc::store_unavailable, "nobody knows");
    co_return address{.host = "127.0.0.1", .port = there->port(), .path = {}};
  }
};

TEST_F(Locate, IsAskedBeforeEachConnection) {
  client redis(threads, options());
  ASSERT_TRUE(test::set(redis, "who", "one"));
  EXPECT_EQ(redis.at().port, one.port());
  EXPECT_EQ(asked, 1);
  right = &two;
  one.call({"CLIENT", "KILL", "TYPE", "normal"});
  ASSERT_TRUE(eventually([&] { return redis.at().port == two.port(); }));
  ASSERT_TRUE(test::set(redis, "who", "two"));
  EXPECT_EQ(two.call({"GET", "who"}).text(), "two");
  EXPECT_EQ(one.call({"GET", "who"}).text(), "one");
}

TEST_F(Locate, IsAskedAgainWhenTheConnectionIsRenewed) {
  test::recorder seen;
  client redis(threads, options(), &seen);
  ASSERT_TRUE(test::set(redis, "who", "one"));
  right = &two;
  std::atomic<bool> over = false;
  std::atomic<int> answered = 0;
  std::thread load([&] {
    test::many_tasks(20, 1).run([&](int) -> task<void> {
      while (!over) {
        const auto got =
            co_await redis.execute(resp::command("PING"), {.deadline = test::patiently(), .retryable = true});
        EXPECT_TRUE(got) << got.error().detail;
        ++answered;
        if (!got) co_await test::pause();
      }
    });
  });
  EXPECT_TRUE(eventually([&] { return answered > 100; }));
  redis.renew({errc::store_unavailable, "it is another"});
  EXPECT_TRUE(eventually([&] { return seen.connections() == 2; }));
  const auto before = answered.load();
  EXPECT_TRUE(eventually([&] { return answered > before + 100; }));
  over = true;
  load.join();
  EXPECT_EQ(seen.last_loss(), "it is another");
  EXPECT_EQ(redis.at().port, two.port());
}

TEST_F(Locate, WhatItSaysInsteadIsTheTrouble) {
  right = nullptr;
  client redis(threads, options());
  ASSERT_TRUE(eventually([&] { return redis.state() == client_state::down; }));
  EXPECT_EQ(redis.trouble(), "nobody knows");
  right = &one;
  EXPECT_TRUE(connects(redis));
}

TEST_F(Locate, RenewingDoesNotWaitForTheNextAttempt) {
  right = nullptr;
  auto patient = options();
  patient.first_retry = patient.last_retry = std::chrono::hours(1);
  client redis(threads, patient);
  ASSERT_TRUE(eventually([&] { return redis.state() == client_state::down; }));
  right = &two;
  redis.renew({errc::store_unavailable, "it is there now"});
  EXPECT_TRUE(connects(redis));
}

}  // namespace
}  // namespace strata::redis
