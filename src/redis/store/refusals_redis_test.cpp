/// A server that refuses commands, and keys that another program has spoiled: the source answers every read.

#include "tests/redis/refusals.hpp"
#include "tests/redis/store_support.hpp"

#include <strata/cache.hpp>

#include <gtest/gtest.h>

#include <array>

namespace strata::redis {
namespace {

using namespace std::chrono_literals;
using test::eventually;
using test::open_now;
using test::refusal;

/// What two processes share.
struct two_processes {
  test::redis_server server;
  cache ours{{.second_level = open_now(server.url()), .breaker_open_for = 100ms}};
  cache theirs{{.second_level = open_now(server.url())}};
  entity<std::string, "page:{id}"> pages{{.ttl = 10min, .hard_timeout = 3s}};

  two_processes() {
    EXPECT_TRUE(eventually([&] { return in_use(ours) && in_use(theirs); }));
  }
  static bool in_use(const cache& which) {
    const auto now = which.stats().second_level;
    return now.state == second_level_state::up && now.coherent;
  }
  lookup<std::string> read(cache& by, int page, const char* source) {
    return sync_wait(by.get_or_set(pages(page), [source] { return std::string(source); }));
  }
};

struct Refusals : ::testing::TestWithParam<refusal> {
  two_processes of;
};
std::string name_of(const ::testing::TestParamInfo<refusal>& each) {
  constexpr std::array names{"OutOfMemory", "FailedSnapshot", "MissingReplicas",
                             "ReadOnly",    "NoPermission",   "BusyWithAScript"};
  return names[static_cast<std::size_t>(each.param)];
}
INSTANTIATE_TEST_SUITE_P(, Refusals,
                         ::testing::Values(refusal::out_of_memory, refusal::failed_snapshot,
                                           refusal::missing_replicas, refusal::read_only,
                                           refusal::no_permission, refusal::busy_with_a_script),
                         name_of);

TEST_P(Refusals, TheSourceAnswersAndTheBreakerOpens) {
  for (int page = 0; page < 8; ++page) of.read(of.theirs, page, "old");
  sync_wait(of.theirs.remove_by_prefix("page"));  // the values stay in the server, below a floor
  const auto accept_again = test::refuse(of.server, GetParam());
  for (int page = 0; page < 16; ++page) {
    const auto got = of.read(of.ours, page, "new");
    ASSERT_TRUE(got) << page << ": " << got.failure()->detail;
    EXPECT_EQ(*got, "new");
  }
  EXPECT_GE(of.ours.stats().second_level.breaker_opened, 1u);
  accept_again();
  int page = 100;
  EXPECT_TRUE(eventually([&] {
    const auto got = of.read(of.ours, ++page, "shared");
    return got.info().stored && of.read(of.theirs, page, "never").info().from == layer::l2;
  })) << "it does not come back";
}

TEST(SpoiledKeys, AreMissesThatTheNextFillReplacesAndNoFailureOfTheServer) {
  two_processes of;
  for (int page = 0; page < 40; ++page) {
    ASSERT_FALSE(of.server.call({"RPUSH", "strata:page:" + std::to_string(page), "x"}).is_error());
  }
  of.read(of.theirs, 1000, "well");
  for (int page = 0; page < 20; ++page) {
    EXPECT_EQ(sync_wait(of.ours.get(of.pages(page))).info().reason, miss_reason::undecodable);
  }
  std::vector<typed_key<std::string>> keys;
  for (int page = 20; page < 40; ++page) keys.push_back(of.pages(page));
  EXPECT_EQ(sync_wait(of.ours.get_many(keys)).front().info().reason, miss_reason::undecodable);
  EXPECT_EQ(of.read(of.ours, 1000, "never").info().from, layer::l2) << "the other keys are served";
  for (int page = 0; page < 20; ++page) {
    const auto got = of.read(of.ours, page, "new");
    EXPECT_EQ(got.info().reason, miss_reason::undecodable);
    EXPECT_TRUE(got.info().stored);
    EXPECT_EQ(of.read(of.theirs, page, "never").info().from, layer::l2);
  }
  const auto many = sync_wait(of.ours.get_or_set_many(keys, [](std::span<const std::size_t> missing) {
    return std::vector<std::optional<std::string>>(missing.size(), "new");
  }));
  for (const auto& each : many) EXPECT_TRUE(each && each.info().stored);
  EXPECT_EQ(of.read(of.theirs, 20, "never").info().from, layer::l2);
  EXPECT_EQ(of.ours.stats().second_level.breaker_opened, 0u);
}

}  // namespace
}  // namespace strata::redis
