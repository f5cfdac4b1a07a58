/// A rolling deploy: two releases of a program on one store.

#include "tests/redis/store_support.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace strata::redis {
namespace {

TEST(RedisReleases, ShareTheValuesOfATypeThatHasGainedAMember) {
  const test::redis_server server;
  int runs = 0;
  const auto run = [&](const char* program) {
    const auto log = server.file("release" + std::to_string(++runs) + ".log");
    test::run_to_end({program, server.url()}, server.file("."), log);
    return test::lines_of(log);
  };
  const auto calls = [](const std::vector<std::string>& of) { return std::ranges::count(of, "called"); };
  EXPECT_EQ(calls(run(STRATA_FIRST_RELEASE)), 10);
  for (int round = 0; round < 2; ++round) {
    const auto second = run(STRATA_SECOND_RELEASE);
    EXPECT_EQ(calls(second), 0) << "it read the first release's values again";
    EXPECT_EQ(second.back(), R"(value: {"id":"9","added":"unknown"})");
    const auto first = run(STRATA_FIRST_RELEASE);
    EXPECT_EQ(calls(first), 0);
    EXPECT_EQ(first.back(), R"(value: {"id":"9"})");
  }
  server.call({"FLUSHALL"});
  EXPECT_EQ(calls(run(STRATA_SECOND_RELEASE)), 10);
  EXPECT_EQ(calls(run(STRATA_FIRST_RELEASE)), 0) << "it ignores the member that it does not know";
}

}  // namespace
}  // namespace strata::redis
