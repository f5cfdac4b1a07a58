#include "cli/settings.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <set>
#include <sstream>
#include <tuple>

namespace strata::cli {
namespace {

using namespace std::chrono_literals;

const setting& find(const std::vector<setting>& table, const std::string& key) {
  for (const auto& each : table) {
    if (each.key == key) return each;
  }
  throw std::out_of_range(key);
}

TEST(Settings, GiveFlagVariableAndKeyTheSameName) {
  const auto table = settings(gateway::default_config());
  EXPECT_EQ(find(table, "listen").flag(), "--listen");
  EXPECT_EQ(find(table, "listen").variable(), "STRATA_LISTEN");
  EXPECT_EQ(find(table, "limits.header_timeout").flag(), "--limits-header-timeout");
  EXPECT_EQ(find(table, "limits.header_timeout").variable(), "STRATA_LIMITS_HEADER_TIMEOUT");
  EXPECT_EQ(find(table, "entity.agent_config.ttl").flag(), "--entity-agent-config-ttl");
}

TEST(Settings, AreNamedUniquelyInEveryForm) {
  std::set<std::string> keys, flags, variables;
  const auto table = settings(gateway::default_config());
  for (const auto& each : table) {
    EXPECT_TRUE(keys.insert(each.key).second) << each.key;
    EXPECT_TRUE(flags.insert(each.flag()).second) << each.flag();
    EXPECT_TRUE(variables.insert(each.variable()).second) << each.variable();
    EXPECT_FALSE(each.help.empty()) << each.key;
  }
}

TEST(Settings, ReadWhatTheyWrite) {
  const auto defaults = gateway::default_config();
  for (const auto& each : settings(defaults)) {
    gateway::config other = defaults;
    const auto text = each.write(defaults);
    ASSERT_TRUE(each.read(other, text).has_value()) << each.key << " = " << text;
    EXPECT_EQ(each.write(other), text) << each.key;
  }
}

TEST(Settings, ChangeTheFieldTheyName) {
  gateway::config values = gateway::default_config();
  const auto table = settings(values);
  ASSERT_TRUE(find(table, "entity.agent.ttl").read(values, "42s"));
  ASSERT_TRUE(find(table, "limits.body").read(values, "2MiB"));
  ASSERT_TRUE(find(table, "demo").read(values, "true"));
  ASSERT_TRUE(find(table, "threads").read(values, "3"));
  ASSERT_TRUE(find(table, "entity.agent.jitter").read(values, "0.25"));
  EXPECT_EQ(values.entity.at("agent").ttl, 42s);
  EXPECT_EQ(values.entity.at("agent").jitter, 0.25);
  EXPECT_EQ(values.limits.body.count, 2u << 20);
  EXPECT_TRUE(values.demo);
  EXPECT_EQ(values.threads, 3u);
}

TEST(Settings, RefuseTextOfAnotherKind) {
  gateway::config values = gateway::default_config();
  const auto table = settings(values);
  EXPECT_FALSE(find(table, "threads").read(values, "-1"));
  EXPECT_FALSE(find(table, "threads").read(values, "two"));
  EXPECT_FALSE(find(table, "threads").read(values, "4294967296"));
  EXPECT_FALSE(find(table, "demo").read(values, "yes"));
  EXPECT_FALSE(find(table, "drain_timeout").read(values, "10"));
  EXPECT_FALSE(find(table, "limits.body").read(values, "1MB"));
  EXPECT_FALSE(find(table, "entity.agent.jitter").read(values, "ten"));
}

TEST(Settings, AreAllInTheDocumentationAndNothingElseIs) {
  std::ifstream in(STRATA_SOURCE "/docs/config.md");
  ASSERT_TRUE(in) << "docs/config.md is missing";
  const auto rows_of = [](std::istream&& from) {
    std::vector<std::string> rows;
    for (std::string line; std::getline(from, line);) {
      if (line.starts_with('|')) rows.push_back(line);
    }
    return rows;
  };
  const auto expected = markdown(gateway::default_config());
  EXPECT_EQ(rows_of(std::move(in)), rows_of(std::istringstream(expected)))
      << "docs/config.md must have these tables:\n"
      << expected;
}

TEST(Config, TurnsEveryFieldOfAPolicyIntoSettingsAndBack) {
  const strata::policy rules{.ttl = 1min,
                             .l1_ttl = 30s,
                             .sliding = 40s,
                             .negative_ttl = 2s,
                             .jitter = 0.5,
                             .max_size = {3},
                             .fail_safe = true,
                             .grace = 4h,
                             .throttle = 5s,
                             .failure_ttl = 11s,
                             .stale_while_revalidate = 6s,
                             .eager_refresh = 0.7,
                             .xfetch_beta = 8,
                             .soft_timeout = 9ms,
                             .hard_timeout = 10s,
                             .tags = {"one", "two"},
                             .sensitive = true};
  gateway::config given;
  given.entity["agent"] = gateway::entity_config_of(rules);
  gateway::config read;
  read.entity["agent"] = gateway::entity_config_of({});
  for (const auto& each : settings(given)) {
    if (!each.of_an_entity()) continue;
    if (each.key != "entity.agent.dictionaries") EXPECT_NE(each.write(read), each.write(given)) << each.key;
    ASSERT_TRUE(each.read(read, each.write(given)).has_value()) << each.key;
  }
  const auto back = policy_of(read.entity.at("agent"));
  const auto all = [](const strata::policy& of) {
    return std::tuple(of.ttl, of.l1_ttl, of.sliding, of.failure_ttl, of.negative_ttl, of.jitter,
                      of.max_size.count, of.fail_safe, of.grace, of.throttle, of.stale_while_revalidate,
                      of.eager_refresh, of.xfetch_beta, of.soft_timeout, of.hard_timeout, of.tags,
                      of.sensitive);
  };
  EXPECT_EQ(all(back), all(rules));
  EXPECT_TRUE(strata::problems(back).empty());
}

TEST(Config, HasNoProblemAsItIs) {
  for (const auto& each : problems(gateway::default_config()))
    ADD_FAILURE() << each.key << ": " << each.detail;
}

TEST(Config, NamesEveryProblemWithItsKey) {
  gateway::config values = gateway::default_config();
  values.listen = "nowhere";
  values.store = "redis://";
  values.database = "mysql://localhost";
  values.log.level = "loud";
  values.redis.tracked = "some";
  values.limits.connections = 0;
  values.entity.at("agent").ttl = 0s;
  std::set<std::string> keys;
  for (const auto& each : problems(values)) keys.insert(each.key);
  EXPECT_EQ(keys, (std::set<std::string>{"listen", "store", "database", "log.level", "redis.tracked",
                                         "limits.connections", "entity.agent.ttl"}));
}

TEST(Config, AdminIsServedToOtherMachinesOnlyWithAToken) {
  gateway::config values = gateway::default_config();
  values.admin = "0.0.0.0:9090";
  ASSERT_EQ(problems(values).size(), 1u);
  EXPECT_EQ(problems(values)[0].key, "admin");
  values.admin_token = "short";
  ASSERT_EQ(problems(values).size(), 1u);
  EXPECT_EQ(problems(values)[0].key, "admin_token");
  EXPECT_THAT(problems(values)[0].detail, testing::Not(testing::HasSubstr("short ")));
  values.admin_token = "0123456789abcdef";
  EXPECT_TRUE(problems(values).empty());
}

}  // namespace
}  // namespace strata::cli
