#include "tests/redis/store_support.hpp"

#include <strata/cache.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

namespace strata::redis {
namespace {

using namespace std::chrono_literals;

TEST(RedisStampede, RunsOneFactoryForAThousandMissesOfFourProcesses) {
  const test::redis_server server;
  const auto go = server.file("go");
  std::vector<test::child> processes;
  std::vector<std::string> logs;
  for (int i = 0; i < 4; ++i) {
    logs.push_back(server.file("stampede" + std::to_string(i) + ".log"));
    processes.emplace_back(std::vector<std::string>{STRATA_STAMPEDE_PROGRAM, server.url(), "250", go},
                           server.file("."), logs.back());
  }
  for (const auto& each : logs) {
    ASSERT_TRUE(test::eventually([&] { return !test::lines_of(each).empty(); }))
        << "no process, see " << each;
  }
  std::ofstream(go).put('\n');
  int calls = 0;
  for (std::size_t i = 0; i < processes.size(); ++i) {
    EXPECT_EQ(processes[i].wait(), 0);
    const auto lines = test::lines_of(logs[i]);
    calls += static_cast<int>(std::ranges::count(lines, "call"));
    ASSERT_FALSE(lines.empty());
    EXPECT_EQ(lines.back(), "got 250");
  }
  EXPECT_EQ(calls, 1);
}

TEST(RedisStampede, AProcessThatStoodStillWhileAMillionNamesWerePushedGoesOn) {
  const test::redis_server server({.config = {"--client-output-buffer-limit", "pubsub 4mb 2mb 5"}});
  const auto go = server.file("go");
  const auto log = server.file("still.log");
  test::child still({STRATA_STAMPEDE_PROGRAM, server.url(), "250", go}, server.file("."), log);
  ASSERT_TRUE(test::eventually([&] { return !test::lines_of(log).empty(); }));
  const auto listed = server.call({"CLIENT", "LIST", "TYPE", "pubsub"});
  const std::string id(listed.text().substr(3, listed.text().find(' ') - 3));  // "id=7 addr=…"
  const auto is_connected = [&] { return !server.call({"CLIENT", "LIST", "ID", id}).text().empty(); };
  ASSERT_TRUE(is_connected());
  const auto store = test::open_now(server.url());

  still.signal(SIGSTOP);
  std::vector<std::string> keys;
  for (int i = 0; i < 1000; ++i) keys.push_back("strata:page:" + std::string(90, 'x') + std::to_string(i));
  // They are pushed to ourselves, too, and a slow machine may drop us for it: then they are sent again.
  for (int i = 0; i < 1000; ++i) {
    ASSERT_TRUE(test::eventually([&] { return sync_wait(store->invalidate(keys, 0)).has_value(); }));
  }
  EXPECT_TRUE(test::eventually([&] { return !is_connected(); })) << "the server did not drop it";
  still.signal(SIGCONT);
  std::ofstream(go).put('\n');
  EXPECT_EQ(still.wait(), 0);
  EXPECT_EQ(test::lines_of(log).back(), "got 250");
}

}  // namespace
}  // namespace strata::redis
