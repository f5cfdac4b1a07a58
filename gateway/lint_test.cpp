#include "gateway/lint.hpp"

#include "platform/changes.hpp"

#include <fstream>
#include <functional>
#include <set>
#include <sstream>
#include <string>

#include <gtest/gtest.h>

namespace strata::gateway {
namespace {

using namespace std::chrono_literals;

/// A deployment without a fault.
lint_facts sound() {
  lint_facts facts;
  facts.values = default_config();
  facts.values.store = "redis://127.0.0.1";
  facts.values.database = "postgres://u@h/d";
  facts.has_keys = true;
  facts.now = wall_time(std::chrono::hours(500'000));
  facts.store =
      store_inspection{.servers = {{.software = "valkey",
                                    .version = "8.1.0",
                                    .eviction = "volatile-lru",
                                    .has_scripts = true,
                                    .tracked = 100,
                                    .tracked_limit = 1'000'000,
                                    .time = facts.now}},
                       .values = {{.key = "strata:agent:agt_1", .size = 900, .ttl = 10min, .requests = {}},
                                  {.key = "strata:session:abc", .size = 90, .ttl = 10min, .requests = {}}}};
  outbox_status outbox{.present = true, .bytes = 100, .limit = 1000};
  for (auto& rule : platform::outbox_rules()) outbox.tables.push_back({.rule = std::move(rule)});
  facts.outbox = std::move(outbox);
  facts.database_settings = {{"fsync", "on"}, {"full_page_writes", "on"}, {"synchronous_commit", "on"}};
  facts.database_time = facts.now;
  facts.metrics = {{"process_start_time_seconds",
                    std::chrono::duration<double>(facts.now.time_since_epoch()).count() - 3600},
                   {R"(http_requests_total{listener="admin",route="/metrics",status="2xx"})", 200},
                   {R"(cache_hits_total{cache_type="agent",level="l1"})", 9'000},
                   {R"(cache_misses_total{cache_type="agent",reason="absent"})", 1'000},
                   {R"(cache_misses_total{cache_type="agent",reason="unauthentic"})", 0},
                   {"relay_lag_seconds", 0.02}};
  return facts;
}

std::set<std::string> rules_of(const lint_facts& facts) {
  std::set<std::string> names;
  for (const auto& each : lint(facts)) names.emplace(each.rule->name);
  return names;
}

std::string text_of(const std::set<std::string>& names) {
  std::string out;
  for (const auto& each : names) out += each + ' ';
  return out;
}

/// One way to break a deployment, and the rule that finds it.
struct broken {
  const char* rule;
  std::function<void(lint_facts&)> breaks;
};

const std::vector<broken>& every_way() {
  static const std::vector<broken> all{
      {"ttl-missing", [](lint_facts& at) { at.values.entity["agent"].ttl = 0s; }},
      {"ttl-bounds", [](lint_facts& at) { at.values.entity["agent"].ttl = 10ms; }},
      {"ttl-bounds", [](lint_facts& at) { at.values.entity["agent"].ttl = 48h; }},
      {"invalidation-rule",
       [](lint_facts& at) {
         static const auto report = [] {
           auto made = platform::all_entities().front();
           made.name = "report";
           made.key = "report:{id}";
           made.change = {};
           return made;
         }();
         at.entities.push_back(report);
         at.values.entity["report"] = at.values.entity["agent"];
         at.values.entity["report"].sensitive = report.policy.sensitive;
       }},
      {"relay-off", [](lint_facts& at) { at.values.relay.enabled = false; }},
      {"sensitive-in-clear", [](lint_facts& at) { at.has_keys = false; }},
      {"sensitive-off", [](lint_facts& at) { at.values.entity["user_permissions"].sensitive = false; }},
      {"insecure-cookie", [](lint_facts& at) { at.values.listen = "0.0.0.0:8080"; }},
      {"no-limits", [](lint_facts& at) { at.values.rate.login_account = 0; }},
      {"store-trouble", [](lint_facts& at) { at.store_trouble = "connection refused"; }},
      {"redis-version", [](lint_facts& at) { at.store->servers[0].version = "6.2.1"; }},
      {"redis-scripts", [](lint_facts& at) { at.store->servers[0].has_scripts = false; }},
      {"redis-eviction", [](lint_facts& at) { at.store->servers[0].eviction = "allkeys-lru"; }},
      {"redis-tracking", [](lint_facts& at) { at.store->servers[0].tracked = 800'000; }},
      {"clocks", [](lint_facts& at) { *at.store->servers[0].time += 5s; }},
      {"clocks", [](lint_facts& at) { *at.database_time -= 5s; }},
      {"key-naming", [](lint_facts& at) { at.store->values[0].key = "strata:foreign"; }},
      {"value-without-ttl", [](lint_facts& at) { at.store->values[0].ttl.reset(); }},
      {"big-key",
       [](lint_facts& at) {
         at.store->values[0].size = 600u << 10;
         at.values.entity["agent"].max_size = {8u << 20};
       }},
      {"near-size-limit", [](lint_facts& at) { at.values.entity["agent"].max_size = {1000}; }},
      {"hot-key", [](lint_facts& at) { at.store->values[0].requests = 230; }},
      {"database-trouble", [](lint_facts& at) { at.database_trouble = "no such host"; }},
      {"postgres-settings", [](lint_facts& at) { at.database_settings["fsync"] = "off"; }},
      {"triggers", [](lint_facts& at) { at.outbox->tables[0].complete = false; }},
      {"triggers", [](lint_facts& at) { at.outbox->tables.pop_back(); }},
      {"triggers", [](lint_facts& at) { *at.outbox = {}; }},
      {"outbox-full", [](lint_facts& at) { at.outbox->bytes = 900; }},
      {"relay-lag", [](lint_facts& at) { at.metrics["relay_lag_seconds"] = 7; }},
      {"hit-ratio",
       [](lint_facts& at) {
         at.metrics[R"(cache_misses_total{cache_type="agent",reason="expired"})"] = 9'000;
       }},
      {"forged-values",
       [](lint_facts& at) {
         at.metrics[R"(cache_misses_total{cache_type="agent",reason="unauthentic"})"] = 1;
       }},
      {"unscraped-metrics",
       [](lint_facts& at) {
         at.metrics.erase(R"(http_requests_total{listener="admin",route="/metrics",status="2xx"})");
       }},
  };
  return all;
}

TEST(Lint, FindsNothingInASoundDeployment) {
  EXPECT_EQ(text_of(rules_of(sound())), "");
}

TEST(Lint, FindsEachFaultByItsRuleAndByNoOther) {
  std::set<std::string> covered;
  for (const auto& each : every_way()) {
    auto facts = sound();
    each.breaks(facts);
    EXPECT_EQ(text_of(rules_of(facts)), std::string(each.rule) + ' ');
    covered.insert(each.rule);
  }
  for (const auto& each : lint_rules()) EXPECT_TRUE(covered.contains(std::string(each.name))) << each.name;
}

TEST(Lint, EveryRuleSaysWhyAndWhatToDoAndHasAPage) {
  for (const auto& each : lint_rules()) {
    EXPECT_FALSE(each.why.empty()) << each.name;
    EXPECT_FALSE(each.fix.empty()) << each.name;
    EXPECT_TRUE(each.page.ends_with(".md")) << each.name;
  }
}

TEST(Lint, ChecksWhatItKnowsOnly) {
  lint_facts facts;
  facts.values = default_config();
  EXPECT_EQ(text_of(rules_of(facts)), "") << "the defaults are sound";
}

TEST(Lint, ItsPageListsEveryRule) {
  for (const auto& each : lint_rules()) {
    EXPECT_TRUE(std::ifstream(std::string(STRATA_SOURCE "/docs/guide/") + std::string(each.page)))
        << each.page;
  }
  std::ostringstream page;
  page << std::ifstream(STRATA_SOURCE "/docs/guide/lint.md").rdbuf();
  for (const auto& each : lint_rules()) {
    EXPECT_TRUE(page.str().contains('`' + std::string(each.name) + '`')) << each.name;
  }
}

TEST(Lint, ReadsMetrics) {
  const auto read = parse_metrics("# HELP a x\na 1\nb{c=\"d e\"} 2.5\n\nbroken\n");
  EXPECT_EQ(read.size(), 2u);
  EXPECT_EQ(read.at("a"), 1);
  EXPECT_EQ(read.at("b{c=\"d e\"}"), 2.5);
}

}  // namespace
}  // namespace strata::gateway
