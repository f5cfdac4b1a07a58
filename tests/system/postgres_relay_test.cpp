// Every gateway sees other programs' writes to PostgreSQL in time, whatever its memory holds.

#include "tests/postgres/server.hpp"
#include "tests/redis/server.hpp"
#include "tests/system/gateway.hpp"

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>

namespace strata::system_test {
namespace {

using test::eventually;
using testing::HasSubstr;

/// The default of relay.bound: a read that begins later than this after a commit returns it.
constexpr auto bound = 350ms;
/// A response that is marked stale may be older, but a database that is only slow comes back well before
/// this.
constexpr auto bound_of_marked = 10s;

class OnPostgresRelay : public testing::Test {
 protected:
  using field = std::pair<std::string, std::string>;

  void begin(const std::vector<std::string>& more) {
    auto flags = more;
    flags.insert(flags.end(), {"--database", server.url(database)});
    auto with_demo = flags;
    with_demo.emplace_back("--demo");
    one.emplace(folder, with_demo);
    two.emplace(folder, flags);
    for (const auto* each : {&*one, &*two}) {
      ASSERT_TRUE(eventually([&] {
        const auto ready = each->ask_admin("GET", "/readyz").body;
        return ready.contains(R"("name":"relay","ready":true)") && !ready.contains(R"("ready":false)");
      }));
      sessions.push_back(each->session(one->as("admin")));
    }
    const auto list = parsed(one->ask("GET", "/agents?limit=20", {sessions[0]}).body);
    for (const auto& each : list.at("items").as_array()) agents.emplace_back(each.at("id").as_string());
  }

  std::string psql(const std::string& statement) const { return server.execute(database, statement); }
  answer get(int which, const std::string& target) const {
    return (which == 0 ? *one : *two).ask("GET", target, {sessions[static_cast<std::size_t>(which)]});
  }

  /// Reads `target` from both until each response contains `wanted`. Fails if a response to a request that
  /// began too late lacks it, unless it is marked stale: then PostgreSQL was slower than the soft timeout,
  /// and the bound of such a response is the policy's. Returns the time it took.
  clock::duration seen(const std::string& target, const std::string& wanted) {
    const auto committed = clock::now();
    for (const int which : {0, 1}) {
      while (true) {
        const auto asked = clock::now();
        const auto got = get(which, target);
        if (got.body.contains(wanted)) break;
        const bool marked = got.field("cache-status").contains("detail=stale");
        if (asked - committed > (marked ? bound_of_marked : bound)) {
          ADD_FAILURE() << "gateway " << which << ' '
                        << std::chrono::duration_cast<std::chrono::milliseconds>(asked - committed).count()
                        << " ms later: " << got.status << ' ' << got.field("cache-status") << ' ' << got.body;
          return asked - committed;
        }
      }
    }
    return clock::now() - committed;
  }

  /// Waits until both hold `target` in memory and trust it.
  bool held(const std::string& target) const {
    return eventually([&] {
      return get(0, target).field("cache-status").contains("detail=l1") &&
             get(1, target).field("cache-status").contains("detail=l1");
    });
  }

  void rename_again_and_again(int rounds) {
    std::vector<double> took;
    for (int i = 0; i < rounds; ++i) {
      const auto& id = agents[static_cast<std::size_t>(i) % agents.size()];
      ASSERT_TRUE(held("/agents/" + id)) << get(1, "/agents/" + id).field("cache-status");
      const auto name = "Written by psql " + std::to_string(i) + '.';
      psql(fmt::format("UPDATE agents SET name = '{}' WHERE id = '{}'", name, id));
      took.push_back(std::chrono::duration<double, std::milli>(seen("/agents/" + id, name)).count());
      ASSERT_FALSE(HasFailure());
    }
    std::ranges::sort(took);
    std::cout << "seen by both after p50 " << took[took.size() / 2] << " ms, p99 "
              << took[took.size() * 99 / 100] << " ms, max " << took.back() << " ms\n";
  }

  void everything_else() {
    ASSERT_TRUE(held("/agents?limit=100"));
    psql(
        "INSERT INTO agents SELECT 'agt_copied000001', organization_id, 'Inserted', '', 'active', 0, 0, 1, "
        "created_at, updated_at FROM agents WHERE id = '" +
        agents.front() + "'");
    seen("/agents?limit=100", "agt_copied000001");
    ASSERT_TRUE(held("/agents/agt_copied000001"));
    psql("DELETE FROM agents WHERE id = 'agt_copied000001'");
    seen("/agents/agt_copied000001", R"("status":404)");

    copy_and_truncate();
  }

  /// Bulk loads: a statement of 1 row, and one of so many rows that the outbox records one change for all.
  void copy_and_truncate() {
    const auto agent = "/agents/" + agents.front();
    const auto load = [&](int rows, const std::string& named) {
      const auto file = server.file(named);
      psql("COPY (SELECT '" + named +
           "' || lpad(n::text, 6, '0'), organization_id, 'Copied', '', 'active', 0, 0, 1, " +
           "'2999-01-01T00:00:00Z', updated_at FROM agents, generate_series(1, " + std::to_string(rows) +
           ") n WHERE id = '" + agents.front() + "') TO '" + file + "'");
      psql("COPY agents FROM '" + file + "'");
    };
    for (const int which : {0, 1}) ASSERT_EQ(get(which, "/agents/agt_single000001").status, 404);
    load(1, "agt_single");
    seen("/agents/agt_single000001", "Copied");
    ASSERT_TRUE(held("/agents?limit=100"));
    load(1500, "agt_many");
    seen("/agents?limit=100", "agt_many");
    ASSERT_TRUE(held("/agents/agt_many000007"));

    one->ask("PUT", agent + "/config", {sessions[0]}, R"({"model":"first"})");
    seen(agent + "/config", "first");
    ASSERT_TRUE(held(agent + "/config"));
    psql("TRUNCATE agent_configs");
    seen(agent + "/config", "{}");
    ASSERT_TRUE(held(agent));
    ASSERT_TRUE(held("/agents?limit=100"));
    psql("TRUNCATE agents CASCADE");
    seen(agent, R"("status":404)");
    seen("/agents?limit=100", R"("items":[])");
    seen("/agents/agt_many000007", R"("status":404)");
  }

  temp_folder folder;
  test::postgres_server& server = test::shared_postgres();
  std::string database = server.create_database();
  std::optional<gateway> one, two;
  std::vector<field> sessions;
  std::vector<std::string> agents;
};

TEST_F(OnPostgresRelay, TellsGatewaysThatShareARedis) {
  const test::redis_server redis;
  begin({"--store", redis.url()});
  rename_again_and_again(100);
  everything_else();
}

TEST_F(OnPostgresRelay, TellsGatewaysThatShareOnlyTheDatabase) {
  begin({});
  rename_again_and_again(100);
  everything_else();
}

TEST_F(OnPostgresRelay, IsToldOfInMetrics) {
  begin({});
  psql("UPDATE agents SET name = 'Counted' WHERE id = '" + agents[0] + "'");
  seen("/agents/" + agents[0], "Counted");
  const auto metrics = one->ask_admin("GET", "/metrics").body;
  EXPECT_THAT(metrics, HasSubstr("\nrelay_active 1\n"));
  EXPECT_THAT(metrics, HasSubstr("\nrelay_trouble 0\n"));
  EXPECT_THAT(metrics, HasSubstr("\nevent_feed_trouble 0\n"));
  EXPECT_THAT(metrics, HasSubstr("relay_told_after_seconds{quantile=\"0.99\"}"));
}

TEST_F(OnPostgresRelay, LeavesInMemoryWhatAnotherGatewayDidNotWrite) {
  begin({});
  const auto kept = "/agents/" + agents[1];
  ASSERT_TRUE(held(kept));
  for (int i = 0; i < 20; ++i) {
    const auto name = "Renamed " + std::to_string(i);
    ASSERT_EQ(
        one->ask("PATCH", "/agents/" + agents[0], {sessions[0]}, R"({"name":")" + name + R"("})").status,
        200);
    seen("/agents/" + agents[0], name);
  }
  const auto where = parsed(two->ask_admin("GET", "/cache/explain?key=agent%3A" + agents[1]).body);
  EXPECT_GT(where.at("levels").at(0).at("age_seconds").as_double(), 0.0);
  EXPECT_EQ(where.at("levels").at(0).at("state").as_string(), "fresh");
}

TEST_F(OnPostgresRelay, TakesARightAwayThatAnotherProgramTakes) {
  begin({});
  const auto member = two->session(one->as("member"));
  ASSERT_EQ(two->ask("GET", "/agents", {member}).status, 200);
  const auto id = text_at(two->ask("GET", "/users/me", {member}).body, "id");
  psql("INSERT INTO user_permissions VALUES ('" + id +
       "', '[]', 1, '', '') ON CONFLICT (id) DO UPDATE SET permissions = '[]'");
  const auto committed = clock::now();
  // The machine decides how long a response takes, so the test judges by when the request began.
  for (auto asked = clock::now(); two->ask("GET", "/agents", {member}).status == 200; asked = clock::now()) {
    ASSERT_LT(asked - committed, bound);
  }
}

}  // namespace
}  // namespace strata::system_test
