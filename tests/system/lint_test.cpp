// `strata lint` on deployments that are sound, and on one that is broken in several ways.

#include "tests/redis/server.hpp"
#include "tests/system/gateway.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

namespace strata::system_test {
namespace {

using testing::HasSubstr;

std::set<std::string> rules_of(const std::string& json) {
  std::set<std::string> rules;
  for (const auto& each : parsed(json).at("findings").as_array()) rules.emplace(each.at("rule").as_string());
  return rules;
}

TEST(LintCommand, FindsNothingToMendInARunningGatewayWithItsStore) {
  const test::redis_server server;
  const temp_folder folder;
  gateway running(folder, {"--demo", "--store", server.url(), "--rate-user", "100", "--rate-address", "100",
                           "--rate-login-account", "10", "--rate-login-address", "100"});
  const auto found = run(
      folder, {"lint", "--json", "--store", server.url(), "--database", "sqlite:" + folder.file("strata.db"),
               "--encryption-keys-file", folder.file("encryption.keys"), "--admin",
               "127.0.0.1:" + std::to_string(running.admin_port())});
  EXPECT_EQ(found.status, 0) << found.out << found.err;
  EXPECT_TRUE(parsed(found.out).at("ok").as_bool());
  EXPECT_TRUE(parsed(found.out).at("gateway").as_bool());
  EXPECT_TRUE(rules_of(found.out).empty()) << found.out;
}

TEST(LintCommand, NamesWhatIsBrokenWithReasonFixAndPage) {
  const test::redis_server server({.config = {"--maxmemory-policy", "allkeys-lru"}});
  ASSERT_TRUE(server.call({"SET", "strata:foreign", "text"}).is_ok());
  const temp_folder folder;
  const std::vector<std::string> arguments{"lint",         "--store",          server.url(),
                                           "--database",   "sqlite:strata.db", "--listen",
                                           "0.0.0.0:8080", "--admin",          "127.0.0.1:1"};
  auto as_json = arguments;
  as_json.emplace_back("--json");
  const auto found = run(folder, as_json);
  EXPECT_EQ(found.status, 1);
  EXPECT_EQ(rules_of(found.out),
            (std::set<std::string>{"insecure-cookie", "key-naming", "redis-eviction", "sensitive-in-clear",
                                   "store-trouble", "value-without-ttl"}));
  const auto text = run(folder, arguments);
  EXPECT_EQ(text.status, 1);
  EXPECT_THAT(text.out, HasSubstr("must   redis-eviction: store maxmemory-policy is allkeys-lru"));
  EXPECT_THAT(text.out, HasSubstr("fix   Set maxmemory-policy to volatile-lru."));
  EXPECT_THAT(text.out, HasSubstr("page  docs/guide/redis.md"));
  EXPECT_THAT(text.out, HasSubstr("no gateway answers"));
  EXPECT_FALSE(std::filesystem::exists(folder.file("strata.db"))) << "it changes nothing";
}

}  // namespace
}  // namespace strata::system_test
