#include "platform/permissions.hpp"

#include "platform/endpoints.hpp"
#include "platform/test_support.hpp"

#include <gmock/gmock.h>

namespace strata::platform {
namespace {

using ::testing::HasSubstr;
using names = std::vector<std::string>;

TEST(Permissions, AreGrantedByNameOrByHalf) {
  EXPECT_TRUE(grants(names{"users:read", "agents:write"}, "agents:write"));
  EXPECT_TRUE(grants(names{"agents:*"}, "agents:write"));
  EXPECT_TRUE(grants(names{"*:write"}, "agents:write"));
  EXPECT_TRUE(grants(names{"*:*"}, "agents:write"));
  EXPECT_FALSE(grants(names{}, "agents:write"));
  EXPECT_FALSE(grants(names{"agents:read"}, "agents:write"));
  EXPECT_FALSE(
      grants(names{"agents:write_all", "agents:writ", "agent:write", "a*:write", "*"}, "agents:write"));
  EXPECT_TRUE(grants(default_permissions(), "agents:write"));
}

class Granted : public testing::PlatformTest {
 protected:
  void SetUp() override { row = at.add_agent(home, "Scout"); }
  void grant(const std::string& list) {
    const auto done =
        at.ask("PUT", "/users/" + member.id + "/permissions", admin_token, R"({"permissions":)" + list + "}");
    ASSERT_EQ(done.status, 200) << done.body;
  }
  /// The statuses of reading, changing and running an agent.
  names tried(std::string_view token) {
    const auto path = "/agents/" + row.id;
    return {std::to_string(at.ask("GET", path, token).status),
            std::to_string(at.ask("PATCH", path, token, R"({"description":"new"})").status),
            std::to_string(at.ask("POST", path + "/executions", token).status)};
  }
  agent row;
};

TEST_F(Granted, AMemberMayUseAgentsUnlessSomebodyDecidesOtherwise) {
  EXPECT_EQ(tried(member_token), (names{"200", "200", "202"}));
  grant(R"([])");
  EXPECT_EQ(tried(member_token), (names{"403", "403", "403"}));
}

TEST_F(Granted, ChangesHoldFromTheNextRequestOn) {
  grant(R"(["agents:read"])");
  EXPECT_EQ(tried(member_token), (names{"200", "403", "403"}));
  grant(R"(["agents:execute","agents:read"])");
  EXPECT_EQ(tried(member_token), (names{"200", "403", "202"}));
  grant(R"(["agents:*"])");
  EXPECT_EQ(tried(member_token), (names{"200", "200", "202"}));
  grant(R"(["reports:read"])");
  EXPECT_EQ(tried(member_token), (names{"403", "403", "403"}));
}

TEST_F(Granted, ARefusalNamesThePermissionAndComesBeforeAnyCondition) {
  const auto path = "/agents/" + row.id;
  const auto etag = at.ask("GET", path, member_token).field("ETag");
  grant(R"(["agents:execute"])");
  const auto refused = at.ask("GET", path, member_token, {}, {{"If-None-Match", etag}});
  EXPECT_EQ(refused.status, 403);
  EXPECT_EQ(refused.field("Content-Type"), "application/problem+json");
  EXPECT_EQ(refused.field("Cache-Control"), "no-store");
  EXPECT_THAT(refused.text("/detail"), HasSubstr("agents:read"));
  EXPECT_THAT(at.ask("DELETE", path, member_token).text("/detail"), HasSubstr("agents:write"));
  // Nor does it reveal which rows exist: the response is the same for a missing row.
  EXPECT_EQ(at.ask("GET", "/agents/agt_123456789012", member_token).body,
            at.ask("GET", path, member_token).body);
}

TEST_F(Granted, AnAdministratorNeedsNone) {
  ASSERT_EQ(at.ask("PUT", "/users/" + admin.id + "/permissions", admin_token, R"({"permissions":[]})").status,
            200);
  EXPECT_EQ(tried(admin_token), (names{"200", "200", "202"}));
  EXPECT_EQ(tried(stranger_token), (names{"404", "404", "404"})) << "but in no other organization";
}

TEST_F(Granted, EveryEndpointOfAgentsAsksForOne) {
  grant(R"([])");
  std::size_t asked = 0;
  for (const auto& each : endpoints()) {
    std::string path(each.pattern);
    if (const auto id = path.find("{id}"); id != std::string::npos) path.replace(id, 4, row.id);
    const bool of_agents = path.starts_with("/agents");
    EXPECT_EQ(!each.needs.empty(), of_agents) << path;
    if (!of_agents) continue;
    const auto refused =
        at.ask(strata::server::name(each.on), path, member_token, each.request.empty() ? "" : "{}");
    EXPECT_EQ(refused.status, 403) << path;
    EXPECT_THAT(refused.body, HasSubstr(std::string(each.needs))) << path;
    ++asked;
  }
  EXPECT_GE(asked, 10u);
}

TEST_F(Granted, OpenApiAndTheDocsPageTellIt) {
  const auto document = at.ask("GET", "/openapi.json").json();
  const auto& deletes = document.at_pointer("/paths/~1agents~1{id}/delete");
  EXPECT_EQ(deletes.at_pointer("/security/0/bearer/0").as_string(), "agents:write");
  EXPECT_THAT(std::string(deletes.at_pointer("/responses/403/description").as_string()),
              HasSubstr("agents:write"));
  EXPECT_TRUE(document.at_pointer("/paths/~1users~1me/get/security/0/bearer").as_array().empty());
  EXPECT_THAT(at.ask("GET", "/docs", {}, {}, {{"Accept", "text/html"}}).body,
              HasSubstr("logged in, <code>agents:execute</code>"));
}

TEST(Permissions, OnlyReadingIsAllowedByOutdatedOnes) {
  EXPECT_TRUE(allows_only_reading(permission::read_agents));
  EXPECT_FALSE(allows_only_reading(permission::write_agents));
  EXPECT_FALSE(allows_only_reading(permission::execute_agents));
  EXPECT_FALSE(allows_only_reading("read"));
}

}  // namespace
}  // namespace strata::platform
