/// A connection remembers its last login. It must never accept a session, user or organization that has ended
/// since.

#include "platform/test_support.hpp"

#include <gmock/gmock.h>

namespace strata::platform {
namespace {

class KnownLogin : public testing::PlatformTest {
 protected:
  testing::answer me(const std::string& token) {
    return testing::ask(*at.routes, "GET", "/users/me", token, {}, {}, &connection);
  }
  void SetUp() override {
    for (int i = 0; i < 3; ++i) ASSERT_EQ(me(member_token).text("/email"), member.email);
    ASSERT_NE(connection.value, nullptr) << "there must be something to remember";
  }
  strata::server::connection_memory connection;
};

TEST_F(KnownLogin, EndsWithItsSession) {
  ASSERT_EQ(at.ask("POST", "/auth/logout", member_token).status, 204);
  EXPECT_EQ(me(member_token).status, 401);
}

TEST_F(KnownLogin, EndsWithAllSessionsOfItsUser) {
  const auto elsewhere = at.login(member.email);
  ASSERT_EQ(at.ask("POST", "/auth/logout-all", elsewhere).status, 200);
  EXPECT_EQ(me(member_token).status, 401);
}

TEST_F(KnownLogin, EndsWithItsUser) {
  testing::must(strata::sync_wait(at.data().rows<user_entity>().remove(member.id)));
  EXPECT_EQ(me(member_token).status, 401);
  EXPECT_EQ(me(member_token).status, 401);
}

TEST_F(KnownLogin, EndsWithItsOrganization) {
  testing::must(
      strata::sync_wait(at.data().rows<organization_entity>().update(home.id, {}, [](organization& row) {
        row.is_active = false;
        return strata::result<void>();
      })));
  EXPECT_EQ(me(member_token).status, 401);
}

TEST_F(KnownLogin, IsNotSharedOnTheSameConnection) {
  EXPECT_EQ(me(admin_token).text("/email"), admin.email);
  EXPECT_EQ(me(stranger_token).text("/email"), stranger.email);
  EXPECT_EQ(me(member_token).text("/email"), member.email);
  EXPECT_EQ(me("").status, 401);
  auto wrong = member_token;
  wrong.back() = wrong.back() == 'A' ? 'B' : 'A';
  EXPECT_EQ(me(wrong).status, 401);
  EXPECT_EQ(me(member_token + "x").status, 401);
  EXPECT_EQ(me(member_token.substr(0, 20)).status, 401);
  EXPECT_EQ(me(member_token).status, 200);
}

TEST_F(KnownLogin, SeesChangesOfItsUser) {
  ASSERT_EQ(at.ask("PATCH", "/users/" + member.id, admin_token, R"({"name":"New Name"})").status, 200);
  EXPECT_EQ(me(member_token).text("/name"), "New Name");
  ASSERT_EQ(at.ask("PATCH", "/users/" + member.id, admin_token, R"({"is_admin":true})").status, 200);
  EXPECT_EQ(testing::ask(*at.routes, "PUT", "/users/" + member.id + "/permissions", member_token,
                         R"({"permissions":[]})", {}, &connection)
                .status,
            200);
}

TEST_F(KnownLogin, FollowsItsUserToAnotherOrganization) {
  testing::must(strata::sync_wait(at.data().rows<user_entity>().update(member.id, {}, [&](user& row) {
    row.organization_id = abroad.id;
    return strata::result<void>();
  })));
  EXPECT_EQ(me(member_token).text("/organization_id"), abroad.id);
  testing::must(
      strata::sync_wait(at.data().rows<organization_entity>().update(abroad.id, {}, [](organization& row) {
        row.is_active = false;
        return strata::result<void>();
      })));
  EXPECT_EQ(me(member_token).status, 401);
}

}  // namespace
}  // namespace strata::platform
