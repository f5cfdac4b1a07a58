/// The client against a real server that behaves.

#include "redis/connection/client.hpp"
#include "tests/redis/client_support.hpp"
#include "tests/redis/server.hpp"

#include <atomic>

#include <gtest/gtest.h>

namespace strata::redis {
namespace {

using test::get;
using test::set;

TEST(RedisClient, SetsAndGets) {
  const auto& server = test::shared_redis();
  runtime threads;
  client redis(threads, test::options_for(server));
  EXPECT_TRUE(set(redis, "a", "1"));
  EXPECT_EQ(get(redis, "a"), "1");
  EXPECT_EQ(get(redis, "b"), std::nullopt);
  EXPECT_EQ(redis.state(), client_state::connected);
  EXPECT_EQ(redis.trouble(), "");
}

TEST(RedisClient, ValuesAreAnyBytesOfAnySize) {
  const auto& server = test::shared_redis();
  runtime threads;
  client redis(threads, test::options_for(server));
  for (const std::size_t size : {0u, 1u, 511u, 16384u, 70'000u, 1u << 20, 9u << 20}) {
    std::string bytes(size, '\0');
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i * 131 + size);
    ASSERT_TRUE(set(redis, "big", bytes));
    ASSERT_TRUE(get(redis, "big") == bytes) << size;
  }
}

TEST(RedisClient, AServersErrorIsAReply) {
  const auto& server = test::shared_redis();
  runtime threads;
  client redis(threads, test::options_for(server));
  ASSERT_TRUE(set(redis, "text", "abc"));
  const auto got = sync_wait(redis.execute(resp::command("INCR").arg("text")));
  ASSERT_TRUE(got.has_value());
  ASSERT_TRUE(got->is_error());
  EXPECT_EQ(got->error().code, "ERR");
  const auto script = sync_wait(redis.execute(resp::command("EVALSHA").arg(std::string(40, 'f')).arg(0)));
  ASSERT_TRUE(script.has_value());
  EXPECT_EQ(script->error().code, "NOSCRIPT");
  EXPECT_EQ(to_error(*script).code, errc::store_unavailable);
  EXPECT_TRUE(to_error(*script).detail.contains("NOSCRIPT"));
}

TEST(RedisClient, APipelineIsAnsweredInOrderAndEachOnItsOwn) {
  const auto& server = test::shared_redis();
  runtime threads;
  client redis(threads, test::options_for(server));
  resp::pipeline batch;
  for (int i = 0; i < 100; ++i) batch.add("SET").arg("k" + std::to_string(i)).arg(i);
  batch.add("HGET").arg("k1").arg("x");
  for (int i = 0; i < 100; ++i) batch.add("GET").arg("k" + std::to_string(i));
  const auto got = sync_wait(redis.execute_many(std::move(batch)));
  ASSERT_TRUE(got.has_value());
  ASSERT_EQ(got->size(), 201u);
  EXPECT_EQ((*got)[100].error().code, "WRONGTYPE");
  for (std::size_t i = 0; i < 100; ++i) {
    EXPECT_TRUE((*got)[i].is_ok());
    EXPECT_EQ((*got)[101 + i].integer(), static_cast<std::int64_t>(i));
  }
  const auto none = sync_wait(redis.execute_many({}));
  ASSERT_TRUE(none.has_value());
  EXPECT_TRUE(none->empty());
  const auto one = sync_wait(redis.execute_many(resp::command("GET").arg("k7")));
  ASSERT_TRUE(one.has_value());
  ASSERT_EQ(one->size(), 1u);
  EXPECT_EQ(one->front().text(), "7");
}

TEST(RedisClient, PipelinesOfManyCallersDoNotMix) {
  const auto& server = test::shared_redis();
  runtime threads;
  client redis(threads, test::options_for(server));
  test::many_tasks callers(8);
  callers.run([&](int caller) -> task<void> {
    for (int i = 0; i < 200; ++i) {
      resp::pipeline batch;
      batch.add("SET").arg("shared").arg(caller);
      batch.add("GET").arg("shared");
      auto got = co_await redis.execute_many(std::move(batch), {.deadline = test::patiently()});
      EXPECT_TRUE(got.has_value() && got->size() == 2 && (*got)[1].integer() == caller);
    }
  });
}

TEST(RedisClient, CoroutinesOnManyThreadsGetTheirOwnReplies) {
  const auto& server = test::shared_redis();
  runtime threads;
  client redis(threads, test::options_for(server));
  constexpr int count = 250;
  std::atomic<int> right = 0;
  test::many_tasks callers(count);
  callers.run([&](int caller) -> task<void> {
    const auto key = "key" + std::to_string(caller);
    for (int i = 0; i < 40; ++i) {
      auto put =
          co_await redis.execute(resp::command("SET").arg(key).arg(i), {.deadline = test::patiently()});
      auto got = co_await redis.execute(resp::command("GET").arg(key), {.deadline = test::patiently()});
      if (put && put->is_ok() && got && got->integer() == i) ++right;
    }
  });
  EXPECT_EQ(right, count * 40);
  const auto stats = redis.stats();
  EXPECT_EQ(stats.requests, static_cast<std::uint64_t>(count) * 80);
  EXPECT_LT(stats.writes, stats.requests / 2) << "requests that come together leave together";
  EXPECT_TRUE(test::eventually([&] { return redis.stats().pending == 0; }));
}

TEST(RedisClient, ATaskResumesOnItsExecutor) {
  const auto& server = test::shared_redis();
  runtime threads;
  client redis(threads, test::options_for(server));
  run_loop here;
  std::thread::id resumed;
  bool done = false;
  const auto ask = [&]() -> task<void> {
    auto got = co_await redis.execute(resp::command("PING"));
    EXPECT_TRUE(got.has_value());
    resumed = std::this_thread::get_id();
  };
  start(&here, ask(), [&](completion<void>) { done = true; });
  here.run_until([&] { return done; });
  EXPECT_EQ(resumed, std::this_thread::get_id());
}

TEST(RedisClient, SelectsItsDatabaseAndSaysItsName) {
  const auto& server = test::shared_redis();
  runtime threads;
  auto options = test::options_for(server);
  options.database = 3;
  options.name = "tester";
  client redis(threads, options);
  ASSERT_TRUE(set(redis, "k", "three"));
  EXPECT_TRUE(server.call({"EXISTS", "k"}).integer() == 0);
  EXPECT_TRUE(server.call({"CLIENT", "LIST"}).text().contains("name=tester"));
}

TEST(RedisClient, KnowsItsServerByANameAndThroughAUnixSocket) {
  const auto& server = test::shared_redis();
  runtime threads;
  auto options = test::options_for(server);
  options.at.host = "localhost";
  client by_name(threads, options);
  EXPECT_TRUE(set(by_name, "k", "v"));
  options.at = {.host = "", .port = 0, .path = server.unix_socket()};
  client by_path(threads, options);
  EXPECT_EQ(get(by_path, "k"), "v");
}

TEST(RedisClient, TellsWhatItConnectedTo) {
  const auto& server = test::shared_redis();
  runtime threads;
  test::recorder seen;
  client redis(threads, test::options_for(server), &seen);
  ASSERT_TRUE(test::eventually([&] { return seen.connections() == 1; }));
  const auto about = seen.last();
  EXPECT_EQ(about.generation, 1u);
  const auto says = std::string(server.call({"INFO", "server"}).text());
  EXPECT_EQ(about.server, says.contains("valkey_version:") ? "valkey" : "redis");
  EXPECT_TRUE(says.contains(about.server + "_version:" + about.version + "\r\n")) << about.version;
  EXPECT_EQ(about.role, "master");
  EXPECT_EQ(about.mode, "standalone");
  EXPECT_EQ(about.run_id.size(), 40u);
  EXPECT_GT(about.client_id, 0);
}

TEST(RedisClient, SetsUpEachConnectionAndHandsTheRepliesOver) {
  const auto& server = test::shared_redis();
  runtime threads;
  test::recorder seen;
  auto options = test::options_for(server);
  options.setup.add("CLIENT TRACKING").arg("ON").arg("BCAST").arg("PREFIX").arg("v:").add("ROLE");
  client redis(threads, options, &seen);
  ASSERT_TRUE(test::eventually([&] { return seen.connections() == 1; }));
  ASSERT_EQ(seen.setup().size(), 2u);
  EXPECT_EQ(seen.setup()[0], "OK");
  EXPECT_TRUE(seen.setup()[1].starts_with(R"(["master")")) << seen.setup()[1];

  server.call({"SET", "v:1", "x"});
  server.call({"SET", "other", "x"});
  server.call({"FLUSHALL"});
  ASSERT_TRUE(test::eventually([&] { return seen.pushes().size() == 2; }));
  EXPECT_EQ(seen.pushes()[0], R"(>["invalidate", ["v:1"]])");
  EXPECT_EQ(seen.pushes()[1], R"(>["invalidate", null])");
}

TEST(RedisClient, AnErrorInTheSetupRefusesTheConnection) {
  const auto& server = test::shared_redis();
  runtime threads;
  auto options = test::options_for(server);
  options.setup.add("CLIENT TRACKING").arg("PERHAPS");
  client redis(threads, options);
  ASSERT_TRUE(test::eventually([&] { return redis.state() == client_state::down; }));
  EXPECT_TRUE(redis.trouble().contains("setting up the connection failed")) << redis.trouble();
}

TEST(RedisClient, TheObserverMayRefuseAConnection) {
  const auto& server = test::shared_redis();
  runtime threads;
  test::recorder seen;
  seen.refuse("a replica was expected");
  client redis(threads, test::options_for(server), &seen);
  ASSERT_TRUE(test::eventually([&] { return redis.state() == client_state::down; }));
  EXPECT_EQ(redis.trouble(), "a replica was expected");
  seen.refuse("");
  EXPECT_TRUE(test::eventually([&] { return redis.state() == client_state::connected; }));
  EXPECT_EQ(seen.losses(), 0);
}

TEST(RedisClient, PushesComeBetweenRepliesAndInOrder) {
  const auto& server = test::shared_redis();
  runtime threads;
  test::recorder seen;
  auto options = test::options_for(server);
  options.setup.add("CLIENT TRACKING").arg("ON").arg("BCAST");
  client redis(threads, options, &seen);
  test::many_tasks callers(20);
  callers.run([&](int caller) -> task<void> {
    const auto key = "k" + std::to_string(caller);
    for (int i = 0; i < 50; ++i) {
      auto put =
          co_await redis.execute(resp::command("SET").arg(key).arg(i), {.deadline = test::patiently()});
      auto got = co_await redis.execute(resp::command("GET").arg(key), {.deadline = test::patiently()});
      EXPECT_TRUE(put && put->is_ok() && got && got->integer() == i);
    }
  });
  EXPECT_GT(seen.pushes().size(), 20u);
  EXPECT_EQ(redis.stats().pushes, seen.pushes().size());
}

TEST(RedisClient, SubscribesAndIsConfirmed) {
  const auto& server = test::shared_redis();
  runtime threads;
  test::recorder seen;
  client redis(threads, test::options_for(server), &seen);
  resp::pipeline batch;
  batch.add("PING").add("SUBSCRIBE").arg("news").arg("more").add("ECHO").arg("x");
  const auto got = sync_wait(redis.execute_many(std::move(batch)));
  ASSERT_TRUE(got.has_value());
  EXPECT_TRUE((*got)[1].is_null());
  EXPECT_EQ((*got)[2].text(), "x");
  EXPECT_EQ(server.call({"PUBLISH", "news", "hello"}).integer(), 1);
  ASSERT_TRUE(test::eventually([&] { return seen.pushes().size() == 3; }));
  EXPECT_EQ(seen.pushes()[2], R"(>["message", "news", "hello"])");
  EXPECT_TRUE(sync_wait(redis.execute(resp::command("UNSUBSCRIBE").arg("news"))).has_value());
  EXPECT_EQ(server.call({"PUBLISH", "news", "hello"}).integer(), 0);
}

}  // namespace
}  // namespace strata::redis
