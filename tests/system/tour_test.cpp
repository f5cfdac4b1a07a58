// The README's tour, from a client's view.

#include "tests/redis/child.hpp"
#include "tests/system/gateway.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <vector>

namespace strata::system_test {
namespace {

using testing::HasSubstr;
using testing::Not;

struct Tour : testing::Test {
  // One gateway for all tests; each uses an agent of its own.
  static void SetUpTestSuite() {
    shared = std::make_unique<one_gateway>();
    agents = shared->agents();
  }
  static void TearDownTestSuite() { shared.reset(); }

  struct one_gateway {
    temp_folder folder;
    // On PostgreSQL a busy machine may delay the relay; cached values must stay trusted meanwhile.
    gateway running{folder, {"--demo", "--relay-bound", "20s"}};
    std::pair<std::string, std::string> session = running.session(running.as("admin"));

    answer get(const std::string& target, field_list more = {}) const {
      more.push_back(session);
      return running.ask("GET", target, more);
    }
    std::vector<std::string> agents() const {
      const auto list = get("/agents?limit=20");
      EXPECT_EQ(list.status, 200) << list.body;
      std::vector<std::string> ids;
      for (const auto& each : parsed(list.body).at("items").as_array()) {
        ids.emplace_back(each.at("id").as_string());
      }
      return ids;
    }
  };

  answer get(const std::string& target, field_list more = {}) const {
    return shared->get(target, std::move(more));
  }
  /// The cached response. On PostgreSQL the relay removes a gateway's own writes once more, so it retries.
  answer hit_of(const std::string& target) const {
    answer out;
    test::eventually([&] {
      out = get(target);
      return out.field("cache-status").contains("hit");
    });
    return out;
  }
  static std::string unread_agent() {
    if (agents.empty()) throw std::runtime_error("every agent has been used");
    auto id = agents.back();
    agents.pop_back();
    return id;
  }

  static inline std::unique_ptr<one_gateway> shared;
  static inline std::vector<std::string> agents;
  const temp_folder& folder = shared->folder;
  gateway& running = shared->running;
  const std::pair<std::string, std::string>& session = shared->session;
};

TEST_F(Tour, PrintsOneLoginForEachRole) {
  EXPECT_EQ(running.as("admin").organization.substr(0, 4), "org_");
  EXPECT_EQ(running.as("member").organization.substr(0, 4), "org_");
  EXPECT_EQ(running.ask("GET", "/users/me", {running.session(running.as("member"))}).status, 200);
}

TEST_F(Tour, AReadIsAMissThenAHit) {
  const auto id = unread_agent();
  const auto miss = get("/agents/" + id);
  EXPECT_EQ(miss.status, 200);
  EXPECT_THAT(miss.field("cache-status"), HasSubstr("fwd=miss"));
  const auto hit = hit_of("/agents/" + id);
  EXPECT_THAT(hit.field("cache-status"), HasSubstr("strata; hit; ttl="));
  EXPECT_EQ(hit.body, miss.body);
  EXPECT_EQ(hit.field("cache-control"), "private, max-age=300");
}

TEST_F(Tour, AnUpdateIsSeenByTheNextReadOfTheAgentAndOfItsList) {
  const auto id = unread_agent();
  get("/agents/" + id);
  get("/agents?limit=100");
  const auto changed = running.ask("PATCH", "/agents/" + id, {session}, R"({"name":"Renamed by the tour"})");
  ASSERT_EQ(changed.status, 200) << changed.body;
  EXPECT_EQ(text_at(get("/agents/" + id).body, "name"), "Renamed by the tour");
  EXPECT_THAT(get("/agents?limit=100").body, HasSubstr("Renamed by the tour"));
}

TEST_F(Tour, AKnownTagIsAnsweredWith304) {
  const auto id = unread_agent();
  const auto full = get("/agents/" + id);
  const auto tag = full.field("etag");
  ASSERT_FALSE(tag.empty());
  const auto same = get("/agents/" + id, {{"If-None-Match", tag}});
  EXPECT_EQ(same.status, 304);
  EXPECT_TRUE(same.body.empty());
  EXPECT_EQ(same.field("etag"), tag);
  EXPECT_EQ(same.field("cache-control"), full.field("cache-control"));

  ASSERT_EQ(running.ask("PATCH", "/agents/" + id, {session}, R"({"description":"changed"})").status, 200);
  EXPECT_EQ(get("/agents/" + id, {{"If-None-Match", tag}}).status, 200);
}

TEST_F(Tour, AnOldTagCannotOverwrite) {
  const auto id = unread_agent();
  const auto tag = get("/agents/" + id).field("etag");
  ASSERT_EQ(running.ask("PATCH", "/agents/" + id, {session, {"If-Match", tag}}, R"({"name":"First"})").status,
            200);
  EXPECT_EQ(
      running.ask("PATCH", "/agents/" + id, {session, {"If-Match", tag}}, R"({"name":"Second"})").status,
      412);
  EXPECT_EQ(text_at(get("/agents/" + id).body, "name"), "First");
}

TEST_F(Tour, NobodyReadsAnotherOrganizationsAgents) {
  const other_program database(folder.file("strata.db"));
  const auto own = running.as("admin").organization;
  const auto foreign =
      database.execute("SELECT id FROM agents WHERE organization_id <> '" + own + "' LIMIT 1");
  ASSERT_THAT(foreign, testing::StartsWith("agt_"));
  const auto id = foreign.substr(0, foreign.find('\n'));
  for (int i = 0; i < 2; ++i) EXPECT_EQ(get("/agents/" + id).status, 404);
  EXPECT_EQ(running.ask("PATCH", "/agents/" + id, {session}, R"({"name":"mine now"})").status, 404);
  EXPECT_EQ(running.ask("GET", "/agents/" + id).status, 401);
}

TEST_F(Tour, ExplainTellsWhereAKeyStands) {
  const auto id = unread_agent();
  get("/agents/" + id);
  const auto fresh = running.ask_admin("GET", "/cache/explain?key=agent:" + id);
  ASSERT_EQ(fresh.status, 200);
  EXPECT_THAT(fresh.body, HasSubstr("\"state\":\"fresh\""));
  EXPECT_EQ(running.ask_admin("POST", "/cache/invalidate", "{\"keys\":[\"agent:" + id + "\"]}").status, 200);
  EXPECT_THAT(running.ask_admin("GET", "/cache/explain?key=agent:" + id).body, Not(HasSubstr("\"fresh\"")));
  EXPECT_THAT(get("/agents/" + id).field("cache-status"), HasSubstr("fwd=miss"));
}

TEST_F(Tour, MetricsCountWhatWasAsked) {
  const one_gateway own;
  const auto id = own.agents().front();
  own.get("/agents/" + id);
  own.get("/agents/" + id);
  const auto metrics = own.running.ask_admin("GET", "/metrics");
  EXPECT_EQ(metrics.status, 200);
  EXPECT_THAT(metrics.field("content-type"), HasSubstr("text/plain; version=0.0.4"));
  EXPECT_THAT(metrics.body, HasSubstr("cache_hits_total{cache_type=\"agent\",level=\"l1\"} 1\n"));
  EXPECT_THAT(metrics.body, HasSubstr("# TYPE cache_latency_seconds histogram\n"));
  EXPECT_THAT(metrics.body, HasSubstr("route=\"/agents/{id}\",status=\"2xx\"} 2\n"));
  EXPECT_THAT(metrics.body, Not(HasSubstr(id)));
}

TEST_F(Tour, CommandsAskTheRunningGateway) {
  const auto id = unread_agent();
  get("/agents/" + id);
  const variables where{{"STRATA_ADMIN", "127.0.0.1:" + std::to_string(running.admin_port())}};
  const auto shown = run(folder, {"get", "agent:" + id}, where);
  EXPECT_EQ(shown.status, 0) << shown.err;
  EXPECT_EQ(text_at(shown.out, "id"), id);
  EXPECT_THAT(run(folder, {"explain", "agent:" + id}, where).out, HasSubstr("fresh"));
  EXPECT_THAT(run(folder, {"stats"}, where).out, HasSubstr("agent"));
  EXPECT_GT(number_at(run(folder, {"stats", "--json"}, where).out, "entries"), 0);

  const auto expired = run(folder, {"invalidate", "--soft", "--key", "agent:" + id}, where);
  EXPECT_EQ(expired.status, 0) << expired.err;
  EXPECT_THAT(expired.out, HasSubstr("expired: 1 keys"));
  EXPECT_NE(run(folder, {"invalidate", "--soft", "--pattern", "agent:?*"}, where).status, 0);
  const auto removed = run(folder, {"invalidate", "--prefix", "agent:" + id, "--json"}, where);
  EXPECT_EQ(removed.status, 0) << removed.err;
  EXPECT_EQ(number_at(removed.out, "prefixes"), 1);
  EXPECT_EQ(run(folder, {"get", "agent:" + id}, where).status, 1);
}

TEST_F(Tour, SensitiveValuesAreNotShownByAnyCommand) {
  const auto me = text_at(get("/users/me").body, "id");
  ASSERT_EQ(running.ask("PUT", "/users/" + me + "/settings", {session}, R"({"api_key":"hush-hush"})").status,
            200);
  finished shown;
  test::eventually([&] {
    EXPECT_THAT(hit_of("/users/" + me + "/settings").body, HasSubstr("hush-hush"));
    shown = run(folder, {"get", "user:" + me + ":settings", "--json", "--admin", running.admin_url()});
    return shown.status == 0;
  });
  EXPECT_EQ(shown.status, 0) << shown.err;
  EXPECT_THAT(shown.out, HasSubstr("\"hidden\":true"));
  EXPECT_THAT(shown.out + shown.err, Not(HasSubstr("hush-hush")));
  EXPECT_THAT(running.ask_admin("GET", "/metrics").body, Not(HasSubstr("hush-hush")));
}

}  // namespace
}  // namespace strata::system_test
