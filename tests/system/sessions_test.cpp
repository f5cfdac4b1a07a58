// A login holds on every gateway with the same database, and its end does too.

#include "tests/redis/sentinel_group.hpp"
#include "tests/redis/server.hpp"
#include "tests/system/gateway.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace strata::system_test {
namespace {

using namespace std::chrono_literals;
using test::eventually;
using session_field = std::pair<std::string, std::string>;

std::vector<std::string> flags_for(const std::string& store, bool demo) {
  std::vector<std::string> out{"--store", store, "--sqlite-poll", "1m"};
  if (demo) out.emplace_back("--demo");
  return out;
}

int me(const gateway& at, const session_field& session) {
  return at.ask("GET", "/users/me", {session}).status;
}

bool uses_store(const gateway& which) {
  return which.ask_admin("GET", "/readyz").body.contains(R"("name":"store","ready":true)");
}

/// Two gateways on one database file and one Redis; neither polls the file.
struct SharedSessions : testing::Test {
  test::redis_server server;
  temp_folder folder;
  std::optional<gateway> one{std::in_place, folder, flags_for(server.url(), true)};
  gateway two{folder, flags_for(server.url(), false)};
  const login who = one->as("member");
};

TEST_F(SharedSessions, HoldOnEveryGatewayAndAfterAKill) {
  const auto session = one->session(who);
  EXPECT_EQ(me(*one, session), 200);
  EXPECT_EQ(me(two, session), 200);
  one->program().signal(SIGKILL);
  one->program().wait();
  EXPECT_EQ(me(two, session), 200);
  one.reset();
  one.emplace(folder, flags_for(server.url(), false));
  EXPECT_EQ(me(*one, session), 200);
  EXPECT_EQ(one->ask("POST", "/auth/logout", {session}).status, 204);
  EXPECT_EQ(me(*one, session), 401);
  EXPECT_TRUE(eventually([&] { return me(two, session) == 401; }));
}

TEST_F(SharedSessions, EndEverywhereWithin100Milliseconds) {
  ASSERT_TRUE(eventually([&] { return uses_store(*one) && uses_store(two); }));
  std::vector<double> took;
  for (int i = 0; i < 200; ++i) {
    const auto session = one->session(who);
    ASSERT_EQ(me(two, session), 200);
    ASSERT_EQ(one->ask("POST", "/auth/logout-all", {session}).status, 200);
    const auto ended = clock::now();
    ASSERT_EQ(me(*one, session), 401) << "the gateway that ended it";
    while (me(two, session) != 401) ASSERT_LT(clock::now() - ended, 20s);
    took.push_back(std::chrono::duration<double, std::milli>(clock::now() - ended).count());
  }
  std::ranges::sort(took);
  std::cout << "refused by the other gateway after " << took[100] << " ms, p99 " << took[197] << " ms\n";
  EXPECT_LT(took[197], 100);
}

// The replicas receive nothing while the sessions end, and one of them becomes the master.
TEST(SessionsOnSentinel, StayEndedAfterAFailover) {
  test::sentinel_group group({.down_after = 1s});
  temp_folder folder;
  const gateway one(folder, flags_for(group.url(), true));
  const gateway two(folder, flags_for(group.url(), false));
  ASSERT_TRUE(eventually([&] { return uses_store(one) && uses_store(two); }));
  const auto ended = one.session(one.as("member"));
  const auto kept = one.session(one.as("admin"));
  for (const auto* each : {&one, &two}) ASSERT_EQ(me(*each, ended) + me(*each, kept), 400);
  auto& old = group.master();
  for (auto* each : group.others(old)) each->pause();
  ASSERT_EQ(one.ask("POST", "/auth/logout-all", {ended}).status, 200);
  EXPECT_EQ(me(one, ended), 401);
  EXPECT_TRUE(eventually([&] { return me(two, ended) == 401; }));
  old.kill();
  for (auto* each : group.others(old)) each->resume();
  ASSERT_TRUE(group.wait_for_another_master(old));
  ASSERT_TRUE(eventually([&] { return uses_store(one) && uses_store(two); }, 60s));
  for (const auto* each : {&one, &two}) {
    EXPECT_EQ(me(*each, ended), 401);
    EXPECT_EQ(me(*each, kept), 200);
  }
}

TEST(EmbeddedSessions, SurviveARestart) {
  temp_folder folder;
  session_field session;
  {
    gateway first(folder, {"--demo"});
    session = first.session(first.as("admin"));
    EXPECT_EQ(me(first, session), 200);
    EXPECT_EQ(first.stop(), 0);
  }
  const gateway again(folder);
  EXPECT_EQ(me(again, session), 200);
  const auto listed = parsed(again.ask("GET", "/auth/sessions", {session}).body);
  ASSERT_EQ(listed.at("items").as_array().size(), 1u);
  EXPECT_TRUE(listed.at("items").at(0).at("current").as_bool());
  EXPECT_EQ(listed.at("items").at(0).at("address").as_string(), "127.0.0.1");
}

}  // namespace
}  // namespace strata::system_test
