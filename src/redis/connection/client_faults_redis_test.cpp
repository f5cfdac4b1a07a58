/// The client against servers and networks that misbehave.

#include "redis/connection/client.hpp"
#include "tests/contract/abandonable.hpp"
#include "tests/redis/client_support.hpp"
#include "tests/redis/proxy.hpp"
#include "tests/redis/server.hpp"

#include <algorithm>
#include <atomic>
#include <future>
#include <iostream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace strata::redis {
namespace {

using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;
using test::connects;
using test::eventually;

errc failure(client& of, resp::command what, request_options how = {}) {
  const auto got = sync_wait(of.execute(std::move(what), how));
  EXPECT_FALSE(got.has_value()) << resp::to_text(*got);
  return got ? errc() : got.error().code;
}

test::abandonable abandoned(client& of) {
  auto got = co_await of.execute(resp::command("ECHO").arg("abandoned"));
  EXPECT_TRUE(got.has_value());
}

TEST(RedisFaults, WithoutAServerRequestsFailAtOnceAndSayWhy) {
  runtime threads;
  client redis(threads, test::options_for(test::spare_port()));
  EXPECT_EQ(failure(redis, resp::command("PING")), errc::store_unavailable);
  ASSERT_TRUE(eventually([&] { return redis.state() == client_state::down; }));
  const auto got = sync_wait(redis.execute(resp::command("PING")));
  ASSERT_FALSE(got.has_value());
  EXPECT_TRUE(got.error().detail.contains("cannot be reached")) << got.error().detail;
  EXPECT_TRUE(got.error().detail.contains("127.0.0.1:")) << got.error().detail;
}

TEST(RedisFaults, AHostThatIsNotKnownIsSaid) {
  runtime threads;
  auto options = test::options_for(1);
  options.at.host = "no-such-host.invalid";
  client redis(threads, options);
  EXPECT_EQ(failure(redis, resp::command("PING"), {.deadline = test::patiently()}), errc::store_unavailable);
  EXPECT_TRUE(redis.trouble().contains("cannot be resolved")) << redis.trouble();
}

TEST(RedisFaults, IsThereAgainAfterAKillAndARestart) {
  test::redis_server server;
  runtime threads;
  test::recorder seen;
  client redis(threads, test::options_for(server), &seen);
  ASSERT_TRUE(test::set(redis, "a", "1"));
  const auto first = seen.last().run_id;
  server.kill();
  ASSERT_TRUE(eventually([&] { return redis.state() == client_state::down; }));
  EXPECT_EQ(seen.losses(), 1);
  EXPECT_EQ(failure(redis, resp::command("GET").arg("a")), errc::store_unavailable);
  server.start();
  const auto since = steady::now();
  ASSERT_TRUE(connects(redis));
  std::cout << "again after "
            << std::chrono::duration_cast<std::chrono::milliseconds>(steady::now() - since).count()
            << " ms\n";
  EXPECT_EQ(test::get(redis, "a"), std::nullopt);
  ASSERT_TRUE(eventually([&] { return seen.connections() == 2; }));
  EXPECT_EQ(seen.last().generation, 2u);
  EXPECT_NE(seen.last().run_id, first);
}

TEST(RedisFaults, AnswersGoOnWhileTheServerIsKilledAgainAndAgain) {
  test::redis_server server;
  runtime threads;
  client redis(threads, test::options_for(server));
  ASSERT_TRUE(test::set(redis, "a", "1"));
  std::atomic<bool> over = false;
  std::atomic<int> answered = 0;
  std::atomic<int> failed = 0;
  std::thread load([&] {
    test::many_tasks(50, 1).run([&](int caller) -> task<void> {
      const auto value = std::to_string(caller);
      while (!over) {
        const bool reads = caller % 2 == 0;
        const auto command =
            reads ? resp::command("ECHO").arg(value) : resp::command("SET").arg("k" + value).arg(value);
        auto got = co_await redis.execute(command, {.deadline = {}, .retryable = reads});
        if (got) {
          EXPECT_TRUE(reads ? got->text() == value : got->is_ok());
          ++answered;
        } else {
          EXPECT_EQ(got.error().code, errc::store_unavailable) << got.error().detail;
          ++failed;
          co_await test::pause();
        }
      }
    });
  });
  for (int i = 0; i < 5; ++i) {
    const auto before = answered.load();
    EXPECT_TRUE(eventually([&] { return answered > before + 500; }));
    server.kill();
    server.start();
    EXPECT_TRUE(connects(redis));
  }
  const auto before = answered.load();
  EXPECT_TRUE(eventually([&] { return answered > before + 500; }));
  over = true;
  load.join();
  EXPECT_GT(failed, 0);
  EXPECT_EQ(redis.stats().pending, 0u);
}

TEST(RedisFaults, AServerThatStopsForTwoSecondsIsLeftAndFoundAgain) {
  test::redis_server server;
  runtime threads;
  test::recorder seen;
  auto options = test::options_for(server);
  options.silence = 700ms;
  options.request_timeout = 200ms;
  options.connect_timeout = 1s;
  client redis(threads, options, &seen);
  ASSERT_TRUE(connects(redis));
  server.pause();
  const auto stopped = steady::now();
  EXPECT_EQ(failure(redis, resp::command("GET").arg("a")), errc::timeout);
  ASSERT_TRUE(eventually([&] { return seen.losses() == 1; }));
  EXPECT_TRUE(seen.last_loss().contains("silent")) << seen.last_loss();
  std::this_thread::sleep_until(stopped + 2s);
  server.resume();
  EXPECT_TRUE(connects(redis));
  EXPECT_EQ(test::get(redis, "a"), std::nullopt);
}

/// Freezes the connection `after` it was made, and returns how long the client takes to notice.
std::chrono::milliseconds time_to_find(test::proxy& between, client& redis, const test::recorder& seen,
                                       std::chrono::milliseconds after) {
  between.freeze(false);
  EXPECT_TRUE(connects(redis));
  const auto losses = seen.losses();
  std::this_thread::sleep_for(after);
  between.freeze();
  const auto frozen = steady::now();
  EXPECT_TRUE(eventually([&] { return seen.losses() > losses; }));
  return std::chrono::duration_cast<std::chrono::milliseconds>(steady::now() - frozen);
}

TEST(RedisFaults, AHalfOpenLinkIsFoundWithinASecond) {
  const auto& server = test::shared_redis();
  test::proxy between(server.port());
  runtime threads;
  test::recorder seen;
  client_options options;
  options.at.port = between.port();
  client redis(threads, options, &seen);
  for (const auto after : {0ms, 100ms, 210ms, 300ms, 390ms}) {
    auto took = time_to_find(between, redis, seen, after);
    std::cout << "frozen after " << after.count() << " ms, found after " << took.count() << " ms\n";
    // A busy machine may be late by itself, but not each time.
    for (int again = 0; took >= 1s && again < 4; ++again) took = time_to_find(between, redis, seen, after);
    EXPECT_LT(took, 1s);
  }
}

TEST(RedisFaults, AConnectionCutInTheMiddleOfAReplyIsMadeAnew) {
  const auto& server = test::shared_redis();
  test::proxy between(server.port());
  runtime threads;
  test::recorder seen;
  auto options = test::options_for(between.port());
  options.ping_after = 60s;  // a PING of its own would be cut instead
  client redis(threads, options, &seen);
  const std::string big(100'000, 'x');
  ASSERT_TRUE(test::set(redis, "big", big));
  for (const int bytes : {1, 3, 9, 5000, 99'999, 100'010}) {
    const auto cuts = between.cuts();
    const auto connections = seen.connections();
    between.cut_after(bytes);
    const auto read =
        sync_wait(redis.execute(resp::command("GET").arg("big"), {.deadline = {}, .retryable = true}));
    ASSERT_TRUE(read.has_value()) << read.error().detail;
    EXPECT_TRUE(read->text() == big) << bytes;
    ASSERT_TRUE(eventually([&] { return between.cuts() == cuts + 1; }));
    ASSERT_TRUE(eventually([&] { return seen.connections() > connections; }));

    between.cut_after(3);
    const auto write = sync_wait(redis.execute(resp::command("APPEND").arg("log").arg("x")));
    ASSERT_FALSE(write.has_value());
    EXPECT_EQ(write.error().code, errc::store_unavailable);
    EXPECT_TRUE(write.error().detail.contains("outcome unknown")) << write.error().detail;
    ASSERT_TRUE(eventually([&] { return seen.connections() > connections + 1; }));
  }
  EXPECT_EQ(server.call({"STRLEN", "log"}).integer(), 6) << "a write that is not retryable is sent once";
}

TEST(RedisFaults, AKilledClientComesBackAndWhatCouldBeSentAgainWas) {
  const auto& server = test::shared_redis();
  runtime threads;
  test::recorder seen;
  client redis(threads, test::options_for(server), &seen);
  ASSERT_TRUE(test::set(redis, "a", "1"));
  std::atomic<bool> over = false;
  std::thread load([&] {
    test::many_tasks(20, 1).run([&](int) -> task<void> {
      while (!over) {
        auto got = co_await redis.execute(resp::command("GET").arg("a"),
                                          {.deadline = test::patiently(), .retryable = true});
        EXPECT_EQ(got ? std::string(got->text()) : got.error().detail, "1");
        if (!got) co_await test::pause();
      }
    });
  });
  for (int i = 1; i <= 10; ++i) {
    server.call({"CLIENT", "KILL", "TYPE", "normal"});
    EXPECT_TRUE(eventually([&] { return seen.connections() > i; }));
  }
  over = true;
  load.join();
}

TEST(RedisFaults, ALateReplyIsNobodyElses) {
  const auto& server = test::shared_redis();
  test::proxy between(server.port());
  runtime threads;
  client redis(threads, test::options_for(between.port()));
  ASSERT_TRUE(test::set(redis, "a", "1"));
  between.delay(2s);
  const auto before = steady::now();
  EXPECT_EQ(failure(redis, resp::command("ECHO").arg("late"), {.deadline = system_clock().now() + 30ms}),
            errc::timeout);
  EXPECT_LT(steady::now() - before, 2s);
  const auto next = sync_wait(redis.execute(resp::command("ECHO").arg("next")));
  ASSERT_TRUE(next.has_value());
  EXPECT_EQ(next->text(), "next");
  EXPECT_EQ(redis.stats().timeouts, 1u);
}

TEST(RedisFaults, RequestsBehindALateReplyAreAnsweredOnTheSameConnection) {
  const auto& server = test::shared_redis();
  test::proxy between(server.port());
  runtime threads;
  client redis(threads, test::options_for(between.port()));
  ASSERT_TRUE(test::set(redis, "a", "1"));
  between.delay(300ms);
  std::vector<std::future<std::string>> asking;
  for (int i = 0; i < 10; ++i) {
    const bool late = i % 3 == 0;
    asking.push_back(std::async(std::launch::async, [&redis, i, late] {
      const auto got = sync_wait(redis.execute(resp::command("ECHO").arg(i),
                                               {.deadline = system_clock().now() + (late ? 30ms : 20s)}));
      return got ? std::string(got->text()) : std::string("late");
    }));
  }
  for (int i = 0; i < 10; ++i) EXPECT_EQ(asking[i].get(), i % 3 == 0 ? "late" : std::to_string(i));
  EXPECT_TRUE(eventually([&] { return redis.stats().pending == 0; }));
  EXPECT_EQ(redis.stats().connections, 1u);
}

TEST(RedisFaults, AnAbandonedRequestsReplyIsNobodyElses) {
  const auto& server = test::shared_redis();
  test::proxy between(server.port());
  runtime threads;
  client redis(threads, test::options_for(between.port()));
  ASSERT_TRUE(test::set(redis, "a", "1"));
  between.delay(20ms);
  for (int i = 0; i < 20; ++i) {
    {
      run_loop here;
      auto asking = abandoned(redis);
      asking.start(here);
      if (i % 2 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(i));
    }  // the task is destroyed, and then its executor
    const auto next = sync_wait(redis.execute(resp::command("ECHO").arg(i)));
    ASSERT_TRUE(next.has_value());
    EXPECT_EQ(next->integer(), i);
  }
  EXPECT_TRUE(eventually([&] { return redis.stats().pending == 0; }));
}

TEST(RedisFaults, TooManyRequestsAreRefusedAtOnce) {
  test::redis_server server;
  runtime threads;
  auto options = test::options_for(server);
  options.max_pending = 100;
  client redis(threads, options);
  ASSERT_TRUE(connects(redis));
  server.pause();
  std::atomic<int> busy = 0;
  std::atomic<int> done = 0;
  std::thread load([&] {
    test::many_tasks(150, 1).run([&](int) -> task<void> {
      auto got = co_await redis.execute(resp::command("PING"), {.deadline = test::patiently()});
      if (got) {
        ++done;
      } else {
        EXPECT_EQ(got.error().code, errc::busy) << got.error().detail;
        ++busy;
      }
    });
  });
  EXPECT_TRUE(eventually([&] { return busy >= 50; }));
  server.resume();
  load.join();
  EXPECT_EQ(busy + done, 150);
  EXPECT_GE(done, 99);  // a health check may have had a place
  EXPECT_EQ(redis.stats().refused, static_cast<std::uint64_t>(busy));
}

TEST(RedisFaults, TooManyBytesAreRefusedAtOnce) {
  const auto& server = test::shared_redis();
  runtime threads;
  auto options = test::options_for(server);
  options.max_pending_size = {1u << 20};
  client redis(threads, options);
  EXPECT_EQ(failure(redis, resp::command("SET").arg("a").arg(std::string(2u << 20, 'x'))), errc::busy);
  EXPECT_TRUE(test::set(redis, "a", std::string(1u << 19, 'x')));
}

TEST(RedisFaults, WhatWaitsFailsWhenTheClientIsClosed) {
  test::redis_server server;
  runtime threads;
  auto redis = std::make_unique<client>(threads, test::options_for(server));
  ASSERT_TRUE(connects(*redis));
  server.pause();
  run_loop here;
  std::optional<errc> how;
  strata::start(&here, redis->execute(resp::command("PING")), [&](completion<result<reply>> got) {
    how = (*got).has_value() ? errc() : (*got).error().code;
  });
  redis.reset();
  here.run_until([&] { return how.has_value(); });
  EXPECT_EQ(how, errc::store_unavailable);
  server.resume();
}

TEST(RedisFaults, AReplyOverTheLimitsEndsTheConnection) {
  const auto& server = test::shared_redis();
  runtime threads;
  test::recorder seen;
  auto options = test::options_for(server);
  options.reply_limits.string_size = 100'000;
  client redis(threads, options, &seen);
  ASSERT_TRUE(test::set(redis, "big", std::string(100'001, 'x')));
  EXPECT_EQ(failure(redis, resp::command("GET").arg("big")), errc::store_unavailable);
  ASSERT_TRUE(eventually([&] { return seen.losses() == 1; }));
  EXPECT_TRUE(seen.last_loss().contains("a string is too long")) << seen.last_loss();
  EXPECT_TRUE(connects(redis));
}

TEST(RedisFaults, APeerThatIsNoRedisIsSaid) {
  auto [listener, port] = test::listen_on();
  runtime threads;
  client redis(threads, test::options_for(port));
  const test::descriptor peer(::accept(listener.get(), nullptr, nullptr));
  const std::string_view words = "HTTP/1.1 400 Bad Request\r\n\r\n";
  ASSERT_EQ(::send(peer.get(), words.data(), words.size(), MSG_NOSIGNAL), static_cast<ssize_t>(words.size()));
  ASSERT_TRUE(eventually([&] { return redis.state() == client_state::down; }));
  EXPECT_TRUE(redis.trouble().contains("does not speak RESP3")) << redis.trouble();
}

}  // namespace
}  // namespace strata::redis
