#include "platform/demo.hpp"
#include "platform/test_support.hpp"

#include <set>

namespace strata::platform {
namespace {

TEST(Demo, FillsAnEmptyDatabaseWithAPlatformThatServes) {
  testing::world at;
  const auto logins = testing::must(strata::sync_wait(fill_demo(at.data(), at.held->passwords())));
  EXPECT_EQ(at.count("organizations"), 3);
  EXPECT_EQ(at.count("users"), 30);
  EXPECT_EQ(at.count("agents"), 500);
  EXPECT_EQ(at.count("listings"), 300);
  ASSERT_EQ(logins.size(), 2U);
  EXPECT_TRUE(logins[0].is_admin);
  EXPECT_FALSE(logins[1].is_admin);
  for (const auto& each : logins) {
    const auto done = at.ask("POST", "/auth/login", {},
                             R"({"email":")" + each.email + R"(","password":")" + each.password + R"("})");
    ASSERT_EQ(done.status, 200);
    EXPECT_EQ(done.text("/user/organization_id"), each.organization_id);
    const auto list = at.ask("GET", "/agents?limit=100", done.text("/session"));
    EXPECT_GE(list.number("/total"), 160);
    const auto agent = list.text("/items/0/id");
    EXPECT_NE(at.ask("GET", "/agents/" + agent + "/config", done.text("/session")).body, "{}");
  }
}

TEST(Demo, NamesNoTwoAgentsOfAnOrganizationAndNoTwoListingsAlike) {
  testing::world at;
  testing::must(strata::sync_wait(fill_demo(at.data(), at.held->passwords())));
  for (const auto* statement :
       {"SELECT COUNT(*) AS n FROM (SELECT DISTINCT organization_id, name FROM agents) AS d",
        "SELECT COUNT(*) + 200 AS n FROM (SELECT DISTINCT name FROM listings) AS d"}) {
    const auto rows = testing::must(strata::sync_wait(at.database->query(statement, {})));
    EXPECT_EQ(std::get<std::int64_t>(rows.at(0, "n")), 500) << statement;
  }
}

TEST(Demo, LeavesADatabaseAloneThatHoldsSomething) {
  testing::world at;
  const auto first = testing::must(strata::sync_wait(fill_demo(at.data(), at.held->passwords())));
  const auto second = testing::must(strata::sync_wait(fill_demo(at.data(), at.held->passwords())));
  EXPECT_EQ(second.size(), first.size());
  EXPECT_EQ(second[0].password, first[0].password);
  EXPECT_EQ(at.count("agents"), 500);

  testing::world other;
  other.add_organization("Somebody's");
  EXPECT_TRUE(testing::must(strata::sync_wait(fill_demo(other.data(), other.held->passwords()))).empty());
  EXPECT_EQ(other.count("organizations"), 1);
}

}  // namespace
}  // namespace strata::platform
