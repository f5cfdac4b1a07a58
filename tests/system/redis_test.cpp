// Gateways that share one Redis: each shows the other's changes at once.

#include "tests/redis/history.hpp"
#include "tests/redis/refusals.hpp"
#include "tests/redis/server.hpp"
#include "tests/system/gateway.hpp"

#include <strata/open.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <random>
#include <thread>

namespace strata::system_test {
namespace {

using namespace std::chrono_literals;
using test::eventually;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

/// Two gateways on one database file and one Redis; neither polls the file.
struct SharedRedis : testing::Test {
  test::redis_server server;
  temp_folder folder;
  std::vector<std::string> more{"--store", server.url(), "--sqlite-poll", "1m"};
  gateway one{folder, with_demo()};
  gateway two{folder, more};
  std::pair<std::string, std::string> session_one = one.session(one.as("admin"));
  std::pair<std::string, std::string> session_two = two.session(one.as("admin"));

  std::vector<std::string> with_demo() const {
    auto flags = more;
    flags.emplace_back("--demo");
    return flags;
  }
  std::vector<std::string> agents() const {
    std::vector<std::string> ids;
    const auto list = parsed(one.ask("GET", "/agents?limit=20", {session_one}).body);
    for (const auto& each : list.at("items").as_array()) ids.emplace_back(each.at("id").as_string());
    return ids;
  }
  static bool uses_redis(const gateway& which) {
    return which.ask_admin("GET", "/readyz").body.find(R"("name":"store","ready":true)") != std::string::npos;
  }
};

TEST_F(SharedRedis, ShowsAPatchOfOneByTheOtherWithin100Milliseconds) {
  ASSERT_TRUE(eventually([&] { return uses_redis(one) && uses_redis(two); }));
  const auto ids = agents();
  ASSERT_FALSE(ids.empty());
  std::vector<double> took;
  for (int i = 0; i < 200; ++i) {
    const auto target = "/agents/" + ids[static_cast<std::size_t>(i) % ids.size()];
    two.ask("GET", target, {session_two});  // into its memory
    const auto name = "Renamed " + std::to_string(i);
    const auto changed = one.ask("PATCH", target, {session_one}, R"({"name":")" + name + R"("})");
    ASSERT_EQ(changed.status, 200) << changed.body;
    const auto began = std::chrono::steady_clock::now();
    while (text_at(two.ask("GET", target, {session_two}).body, "name") != name) {
      ASSERT_LT(std::chrono::steady_clock::now() - began, 10s);
    }
    took.push_back(
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - began).count());
  }
  std::ranges::sort(took);
  std::cout << "seen by the other after p50 " << took[took.size() / 2] << " ms, p99 "
            << took[took.size() * 99 / 100] << " ms, max " << took.back()
            << " ms (a request's own time included)\n";
  EXPECT_LT(took[took.size() / 2], 100.0);  // a busy machine delays some answers
}

TEST_F(SharedRedis, TellsAGatewayOnlyOfWhatItHasReadIfThatIsWanted) {
  gateway few{folder,
              {"--store", server.url() + "?name=few", "--sqlite-poll", "1m", "--redis-tracked", "read"}};
  const auto session_few = few.session(one.as("admin"));
  ASSERT_TRUE(eventually([&] { return uses_redis(one) && uses_redis(few); }));
  const auto id = agents().front();
  for (int i = 0; i < 20; ++i) {
    few.ask("GET", "/agents/" + id, {session_few});  // into its memory
    const auto name = "Told " + std::to_string(i);
    ASSERT_EQ(one.ask("PATCH", "/agents/" + id, {session_one}, R"({"name":")" + name + R"("})").status, 200);
    EXPECT_TRUE(eventually(
        [&] { return text_at(few.ask("GET", "/agents/" + id, {session_few}).body, "name") == name; }));
  }
  // B: Redis reports changes of every key in the name space.
  const auto flags_of = [&](const std::string& client) {
    const auto all = std::string(server.call({"CLIENT", "LIST"}).text());
    const auto line = all.find(" name=" + client + ' ');
    const auto flags = all.find(" flags=", line) + 7;
    return line == std::string::npos ? "none" : all.substr(flags, all.find(' ', flags) - flags);
  };
  EXPECT_THAT(flags_of("few"), AllOf(HasSubstr("t"), Not(HasSubstr("B"))));
  EXPECT_THAT(flags_of("strata"), AllOf(HasSubstr("t"), HasSubstr("B")));
}

/// How long these two run; `./dev gateways` sets a longer time.
std::chrono::seconds watched_for() {
  const char* text = std::getenv("STRATA_WATCH_SECONDS");
  return std::chrono::seconds(text != nullptr ? std::max(1, std::atoi(text)) : 5);
}

/// 200 agents that the first gateway changes while both are read; every read is checked.
struct WatchedGateways : SharedRedis {
  static constexpr std::size_t count = 200;
  const std::vector<std::string> ids = many_agents();
  test::history seen{2, count};
  std::atomic<bool> over = false;
  std::atomic<int> failed = 0;
  std::atomic<int> changed = 0;

  std::vector<std::string> many_agents() const {
    std::vector<std::string> found;
    for (int page = 1; found.size() < count; ++page) {
      const auto list =
          parsed(one.ask("GET", "/agents?limit=100&page=" + std::to_string(page), {session_one}).body);
      if (list.at("items").as_array().empty()) break;
      for (const auto& each : list.at("items").as_array()) found.emplace_back(each.at("id").as_string());
    }
    while (found.size() < count) {  // a user's own organization has fewer
      const auto made = one.ask("POST", "/agents", {session_one},
                                R"({"name":"One more )" + std::to_string(found.size()) + "\"}");
      if (made.status != 201) throw std::runtime_error("no agent is made: " + made.body);
      found.push_back(text_at(made.body, "id"));
    }
    found.resize(count);
    return found;
  }
  /// True if the first gateway has delivered every invalidation to Redis.
  bool told_all() const {
    return one.ask_admin("GET", "/metrics").body.contains("\ncache_l2_kept_invalidations 0");
  }

  void read(std::size_t which, unsigned seed) {
    connection to((which == 0 ? one : two).port());
    const field_list fields{which == 0 ? session_one : session_two};
    std::minstd_rand random(seed);
    while (!over) {
      const auto asked = seen.ask(which, random() % count);
      const auto got = to.ask("GET", "/agents/" + ids[asked.key], fields);
      if (got.status == 200) {
        seen.answered(asked, static_cast<std::uint64_t>(number_at(got.body, "version")));
      } else {
        ++failed;
      }
    }
  }
  void write() {
    connection to(one.port());
    const field_list fields{session_one, {"Content-Type", "application/json"}};
    std::minstd_rand random(7);
    while (!over) {
      const auto key = random() % count;
      const auto body = R"({"description":"change )" + std::to_string(changed) + "\"}";
      const auto got = to.ask("PATCH", "/agents/" + ids[key], fields, body);
      if (got.status != 200) {
        ++failed;
        continue;
      }
      const auto number = seen.returned(0, key, static_cast<std::uint64_t>(number_at(got.body, "version")));
      while (!told_all() && !over) std::this_thread::sleep_for(1ms);
      seen.delivered(key, number);
      ++changed;
    }
  }
  /// Runs the load while `meanwhile` runs. No read may be older than 350 ms, and 99 of 100 not older than
  /// `usual`.
  template <class Meanwhile>
  void watch(double usual, Meanwhile meanwhile) {
    ASSERT_TRUE(eventually([&] { return uses_redis(one) && uses_redis(two); }));
    ASSERT_EQ(ids.size(), count);
    {
      std::vector<std::jthread> load;
      load.emplace_back([&] { read(0, 1); });
      load.emplace_back([&] { read(1, 2); });
      load.emplace_back([&] { read(1, 3); });
      load.emplace_back([&] { write(); });
      const auto until = std::chrono::steady_clock::now() + watched_for();
      const auto goes_on = [&] {
        const auto now = std::chrono::steady_clock::now();
        return now < until || (changed <= 50 && now < until + patience);  // a busy machine changes little
      };
      while (goes_on()) meanwhile();
      over = true;
    }
    const auto told = seen.judge();
    std::cout << told << "; " << changed << " changes\n";
    EXPECT_EQ(failed, 0) << "not answered";
    EXPECT_EQ(told.behind_own, 0u) << "a gateway did not read what it had written";
    EXPECT_LT(told.max, 350);
    EXPECT_LT(told.p99, usual);
    EXPECT_GT(changed, 50);
    EXPECT_TRUE(eventually([&] { return uses_redis(one) && uses_redis(two); }));
  }
};

TEST_F(WatchedGateways, UsuallyShowAChangeWithin100Milliseconds) {
  watch(100, [] { std::this_thread::sleep_for(100ms); });
}

TEST_F(WatchedGateways, ShowNothingThatWasChanged350MillisecondsAgoWhateverHappensToRedis) {
  int round = 0;
  watch(350, [&] {
    std::this_thread::sleep_for(500ms);
    switch (round++ % 4) {
      case 0:
        server.kill();
        std::this_thread::sleep_for(200ms);
        server.start();
        break;
      case 1:
        EXPECT_TRUE(server.call({"FLUSHALL"}).is_ok());
        break;
      case 2:
        server.pause();
        std::this_thread::sleep_for(1s);
        server.resume();
        break;
      default:
        EXPECT_FALSE(server.call({"CLIENT", "KILL", "TYPE", "pubsub"}).is_error());
        break;
    }
    const auto broke = std::chrono::steady_clock::now();
    EXPECT_TRUE(eventually([&] { return uses_redis(one) && uses_redis(two); }));
    std::cout << "in use again after "
              << test::history::milliseconds(std::chrono::steady_clock::now() - broke).count() << " ms\n";
  });
}

TEST_F(SharedRedis, TakesFromRedisWhatTheOtherHasComputed) {
  ASSERT_TRUE(eventually([&] { return uses_redis(one) && uses_redis(two); }));
  const auto target = "/agents/" + agents().front();
  const auto first = one.ask("GET", target, {session_one});
  EXPECT_EQ(first.status, 200);
  const auto second = two.ask("GET", target, {session_two});
  EXPECT_EQ(second.body, first.body);
  EXPECT_THAT(second.field("cache-status"), HasSubstr("detail=l2"));
  const auto where =
      two.ask_admin("GET", "/cache/explain?key=" + target.substr(1, 5) + "%3A" + target.substr(8));
  EXPECT_THAT(where.body, HasSubstr(R"("layer":"l2")"));
  EXPECT_THAT(where.body, HasSubstr(R"("state":"fresh")"));
}

TEST_F(SharedRedis, AnswersThoughRedisRefusesItsLeases) {
  ASSERT_TRUE(eventually([&] { return uses_redis(one) && uses_redis(two); }));
  const auto ids = agents();
  for (const auto& id : ids) EXPECT_EQ(one.ask("GET", "/agents/" + id, {session_one}).status, 200);
  // The values stay in Redis, below a floor, so that each read asks for the lease of its key.
  ASSERT_EQ(one.ask_admin("POST", "/cache/invalidate", R"({"prefixes":["agent","user"]})").status, 200);
  const auto accept_again = test::refuse(server, test::refusal::out_of_memory);
  for (const auto& id : ids) {
    EXPECT_EQ(one.ask("GET", "/agents/" + id, {session_one}).status, 200);
    EXPECT_EQ(two.ask("GET", "/agents/" + id, {session_two}).status, 200);
  }
  const auto again = two.session(one.as("admin"));
  EXPECT_EQ(two.ask("GET", "/agents/" + ids.front(), {again}).status, 200);
  accept_again();
}

TEST_F(SharedRedis, AnswersThoughTheHolderOfALeaseHasDied) {
  ASSERT_TRUE(eventually([&] { return uses_redis(one) && uses_redis(two); }));
  const auto id = agents().front();
  ASSERT_EQ(one.ask_admin("POST", "/cache/invalidate", R"({"prefixes":["agent","user"]})").status, 200);
  const auto dead = open_store(server.url());
  ASSERT_TRUE(dead);
  ASSERT_TRUE(eventually([&] {
    const auto taken = sync_wait((*dead)->force_lease("strata:agent:" + id, 10min, 0));
    return taken && taken->lease != 0;
  }));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(two.ask("GET", "/agents/" + id, {session_two}).status, 200);
}

TEST(RedisGateway, ServesWithoutItsStoreAndSaysSo) {
  const temp_folder folder;
  test::redis_server server;
  server.kill();
  gateway running(folder, {"--demo", "--store", server.url()});
  const auto session = running.session(running.as("admin"));
  EXPECT_EQ(running.ask("GET", "/agents", {session}).status, 200);
  const auto readiness = [&] { return running.ask_admin("GET", "/readyz"); };
  // The message has no address until the first attempt has failed.
  EXPECT_TRUE(eventually([&] { return readiness().body.contains("127.0.0.1:"); })) << readiness().body;
  const auto ready = readiness();
  EXPECT_EQ(ready.status, 200);
  EXPECT_THAT(ready.body, HasSubstr(R"("name":"store","ready":false)"));
  server.start();
  EXPECT_TRUE(eventually([&] {
    return running.ask_admin("GET", "/readyz").body.find(R"("name":"store","ready":true)") !=
           std::string::npos;
  }));
  EXPECT_EQ(running.stop(), 0);
}

}  // namespace
}  // namespace strata::system_test
