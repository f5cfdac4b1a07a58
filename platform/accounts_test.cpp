#include "platform/test_support.hpp"

#include <gmock/gmock.h>

namespace strata::platform {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class Accounts : public testing::PlatformTest {
 protected:
  std::string path(const user& of) { return "/users/" + of.id; }
  std::string credentials(const std::string& email, const std::string& password) {
    return R"({"email":")" + email + R"(","password":")" + password + R"("})";
  }
};

TEST_F(Accounts, LogInAndGetASessionAsCookieAndToken) {
  const auto done =
      at.ask("POST", "/auth/login", {}, credentials("MEMBER@home.example", "password of " + member.email));
  ASSERT_EQ(done.status, 200) << done.body;
  const auto token = done.text("/session");
  EXPECT_THAT(token, ::testing::MatchesRegex("sess_[A-Za-z0-9_-]{43}"));
  EXPECT_EQ(done.text("/user/id"), member.id);
  EXPECT_EQ(done.field("Cache-Control"), "no-store");
  EXPECT_EQ(done.field("Set-Cookie"),
            "strata_session=" + token + "; Path=/; Max-Age=2592000; HttpOnly; SameSite=Lax");
  const auto me = at.ask("GET", "/users/me", {}, {}, {{"Cookie", "a=b; strata_session=" + token}});
  EXPECT_EQ(me.text("/email"), member.email);
  EXPECT_EQ(me.field("Vary"), "Authorization, Cookie");
  const auto session = at.ask("GET", "/auth/session", token);
  EXPECT_EQ(session.text("/user_id"), member.id);
  EXPECT_EQ(session.text("/organization_id"), home.id);
  EXPECT_EQ(session.field("Cache-Control"), "no-store");
  EXPECT_GT(session.text("/expires_at"), session.text("/created_at"));
}

TEST_F(Accounts, AreRefusedTheSameWayForEveryReason) {
  const auto wrong = at.ask("POST", "/auth/login", {}, credentials(member.email, "guess"));
  const auto unknown = at.ask("POST", "/auth/login", {}, credentials("nobody@home.example", "guess"));
  EXPECT_EQ(wrong.status, 401);
  EXPECT_EQ(unknown.status, 401);
  EXPECT_EQ(wrong.body, unknown.body);
  EXPECT_EQ(wrong.field("Set-Cookie"), "");
  EXPECT_THAT(wrong.body, Not(HasSubstr("guess")));
  EXPECT_EQ(at.ask("POST", "/auth/login", {}, R"({"email":"a@b.example"})").status, 422);
  EXPECT_EQ(at.ask("POST", "/auth/login", {}, R"({"email":"a@b.example","password":""})").status, 422);
  EXPECT_EQ(at.ask("POST", "/auth/login", {}, R"({"email":1,"password":"x","more":1})")
                .json()
                .at("errors")
                .as_array()
                .size(),
            2U);
  EXPECT_EQ(at.ask("POST", "/auth/login", {}, credentials(member.email, std::string(1025, 'x'))).status, 422);
}

TEST_F(Accounts, NeedASessionThatIsOurs) {
  for (const std::string header : {"", "Bearer", "Bearer ", "Bearer nonsense", "Basic dXNlcjpwYXNz",
                                   "Bearer sess_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}) {
    testing::fields sent;
    if (!header.empty()) sent.emplace_back("Authorization", header);
    const auto refused = at.ask("GET", "/users/me", {}, {}, sent);
    EXPECT_EQ(refused.status, 401) << header;
    EXPECT_EQ(refused.field("WWW-Authenticate"), R"(Bearer realm="strata")");
    EXPECT_EQ(refused.field("Cache-Control"), "no-store");
  }
}

TEST_F(Accounts, EndTheSessionAtLogoutAndAllOfThemAtLogoutAll) {
  const auto second = at.login(member.email);
  const auto third = at.login(member.email);
  const auto out = at.ask("POST", "/auth/logout", second);
  EXPECT_EQ(out.status, 204);
  EXPECT_THAT(out.field("Set-Cookie"), HasSubstr("strata_session=; Path=/; Max-Age=0"));
  EXPECT_EQ(at.ask("GET", "/users/me", second).status, 401);
  EXPECT_EQ(at.ask("GET", "/users/me", third).status, 200);
  EXPECT_EQ(at.ask("POST", "/auth/logout-all", third).body, R"({"sessions":2})");
  EXPECT_EQ(at.ask("GET", "/users/me", third).status, 401);
  EXPECT_EQ(at.ask("GET", "/users/me", member_token).status, 401);
  EXPECT_EQ(at.ask("GET", "/users/me", admin_token).status, 200);
}

TEST_F(Accounts, EndTheSessionThatALoginBrings) {
  const auto again =
      at.ask("POST", "/auth/login", member_token, credentials(member.email, "password of " + member.email));
  EXPECT_EQ(again.status, 200);
  EXPECT_EQ(at.ask("GET", "/users/me", member_token).status, 401);
  EXPECT_EQ(at.ask("GET", "/users/me", again.text("/session")).status, 200);
}

TEST_F(Accounts, AreShutOutWithTheirOrganization) {
  auto off = [](organization& row) {
    row.is_active = false;
    return strata::result<void>();
  };
  testing::must(strata::sync_wait(at.data().rows<organization_entity>().update(home.id, {}, off)));
  EXPECT_EQ(at.ask("GET", "/users/me", member_token).status, 401);
  EXPECT_EQ(
      at.ask("POST", "/auth/login", {}, credentials(member.email, "password of " + member.email)).status,
      401);
  EXPECT_EQ(at.ask("GET", "/users/me", stranger_token).status, 200);
}

TEST_F(Accounts, LoseTheirSessionWhenTheyAreDeleted) {
  testing::must(strata::sync_wait(at.data().rows<user_entity>().remove(member.id)));
  EXPECT_EQ(at.ask("GET", "/users/me", member_token).status, 401);
}

TEST_F(Accounts, AreSeenByTheirOrganizationOnly) {
  EXPECT_EQ(at.ask("GET", path(admin), member_token).text("/email"), admin.email);
  EXPECT_EQ(at.ask("GET", path(member), stranger_token).status, 404);
  EXPECT_EQ(at.ask("PATCH", path(member), stranger_token, R"({"name":"x"})").status, 404);
  EXPECT_EQ(at.ask("GET", path(member) + "/settings", stranger_token).status, 404);
  EXPECT_EQ(at.ask("PUT", path(member) + "/settings", stranger_token, "{}").status, 404);
  EXPECT_EQ(at.ask("GET", path(member) + "/permissions", stranger_token).status, 404);
  EXPECT_EQ(at.ask("PUT", path(member) + "/permissions", stranger_token, R"({"permissions":[]})").status,
            404);
  EXPECT_EQ(at.ask("GET", "/users/usr_" + std::string(3000, 'a'), member_token).status, 404);
  EXPECT_EQ(at.count("user_settings") + at.count("user_permissions"), 0);
}

TEST_F(Accounts, LetMembersChangeTheirNameAndAdministratorsMore) {
  EXPECT_EQ(at.ask("PATCH", path(member), member_token, R"({"name":"New Name"})").text("/name"), "New Name");
  EXPECT_EQ(at.ask("GET", "/users/me", member_token).text("/name"), "New Name");
  const auto refused =
      at.ask("PATCH", path(member), member_token, R"({"is_admin":true,"email":"x@y.example"})");
  EXPECT_EQ(refused.status, 403);
  EXPECT_EQ(refused.json().at("errors").as_array().size(), 2U);
  EXPECT_EQ(at.ask("PATCH", path(admin), member_token, R"({"name":"x"})").status, 403);
  EXPECT_EQ(at.ask("PATCH", path(member), admin_token, R"({"is_admin":true})").status, 200);
  EXPECT_EQ(at.ask("PUT", path(admin) + "/permissions", member_token, R"({"permissions":[]})").status, 200)
      << "rights that were given hold at once";
}

TEST_F(Accounts, KeepEmailsUniqueAndOneAdministrator) {
  const auto taken = at.ask("PATCH", path(member), admin_token, R"({"email":"ADMIN@home.example"})");
  EXPECT_EQ(taken.status, 409);
  EXPECT_THAT(taken.body, HasSubstr("/email"));
  EXPECT_EQ(at.ask("PATCH", path(member), admin_token, R"({"email":"not an address"})").status, 422);
  EXPECT_EQ(at.ask("PATCH", path(admin), admin_token, R"({"is_admin":false})").status, 409);
  EXPECT_EQ(at.ask("PATCH", path(admin), admin_token, R"({"email":"Admin@Home.example"})").status, 200);
  EXPECT_EQ(at.ask("GET", path(member), admin_token).text("/email"), member.email);
}

TEST_F(Accounts, HavePermissionsThatOnlyAdministratorsSet) {
  const auto parts = path(member) + "/permissions";
  EXPECT_EQ(at.ask("GET", parts, member_token).body,
            R"({"permissions":["agents:execute","agents:read","agents:write"]})")
      << "what is not granted to anybody is the default";
  EXPECT_EQ(at.ask("PUT", parts, member_token, R"({"permissions":["agents:write"]})").status, 403);
  EXPECT_EQ(at.ask("GET", path(admin) + "/permissions", member_token).status, 403);
  const auto put =
      at.ask("PUT", parts, admin_token, R"({"permissions":["agents:write","agents:read","agents:read"]})");
  EXPECT_EQ(put.body, R"({"permissions":["agents:read","agents:write"]})");
  const auto read = at.ask("GET", parts, member_token);
  EXPECT_EQ(read.body, put.body);
  EXPECT_EQ(read.field("Cache-Control"), "private, max-age=60");
  EXPECT_EQ(at.ask("PUT", parts, admin_token, R"({"permissions":["Agents"]})").status, 422);
  EXPECT_THAT(at.ask("PUT", parts, admin_token, R"({"permissions":["a:b",7]})").body,
              HasSubstr("/permissions/1"));
  EXPECT_EQ(at.ask("PUT", parts, admin_token, R"({})").status, 422);
}

TEST_F(Accounts, HaveSettingsOfTheirOwn) {
  const auto parts = path(member) + "/settings";
  EXPECT_EQ(at.ask("PUT", parts, member_token, R"({"theme":"dark"})").status, 200);
  EXPECT_EQ(at.ask("GET", parts, member_token).body, R"({"theme":"dark"})");
  EXPECT_EQ(at.ask("GET", parts, admin_token).body, R"({"theme":"dark"})");
  EXPECT_EQ(at.ask("GET", path(admin) + "/settings", member_token).status, 403);
  EXPECT_EQ(at.ask("PUT", parts, member_token, R"("dark")").status, 422);
}

TEST_F(Accounts, SeeTheirOrganizationAndAdministratorsChangeIt) {
  const auto own = "/organizations/" + home.id;
  EXPECT_EQ(at.ask("GET", own, member_token).text("/name"), "Home");
  EXPECT_EQ(at.ask("GET", "/organizations/" + abroad.id, member_token).status, 404);
  EXPECT_EQ(at.ask("PATCH", "/organizations/" + abroad.id, admin_token, R"({"name":"x"})").status, 404);
  EXPECT_EQ(at.ask("PATCH", own, member_token, R"({"name":"x"})").status, 403);
  EXPECT_EQ(at.ask("PATCH", own, admin_token, R"({"is_active":false})").status, 422);
  EXPECT_EQ(at.ask("PATCH", own, admin_token, R"({"plan":"pro"})").status, 422)
      << "the operator decides on it";
  EXPECT_EQ(at.ask("PATCH", own, admin_token, R"({"name":"New home"})").status, 200);
  EXPECT_EQ(at.ask("GET", own, member_token).text("/name"), "New home");
  EXPECT_EQ(at.ask("GET", "/organizations/" + abroad.id, stranger_token).text("/name"), "Abroad");
}

TEST(Limits, StopLoginsForOneAccountInEverySpelling) {
  testing::world at({.login_account = {.limit = 2}, .login_address = {.limit = 0}});
  const auto home = at.add_organization("Home");
  const auto row = at.add_user(home, "a@home.example", false);
  const auto attempt = [&](const std::string& email) {
    return at.ask("POST", "/auth/login", {}, R"({"email":")" + email + R"(","password":"guess"})");
  };
  EXPECT_EQ(attempt("a@home.example").status, 401);
  EXPECT_EQ(attempt("A@HOME.example").status, 401);
  const auto limited = attempt("a@home.example");
  EXPECT_EQ(limited.status, 429);
  EXPECT_FALSE(limited.field("Retry-After").empty());
  EXPECT_FALSE(limited.field("RateLimit").empty());
  EXPECT_EQ(attempt("b@home.example").status, 401);
}

TEST(Limits, StopOnlyTheUserWithTooManyRequests) {
  testing::world at({.user = {.limit = 3}, .address = {.limit = 2}});
  const auto home = at.add_organization("Home");
  const auto first = at.login(at.add_user(home, "a@home.example", false).email);
  const auto second = at.login(at.add_user(home, "b@home.example", false).email);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(at.ask("GET", "/users/me", first).status, 200);
  EXPECT_EQ(at.ask("GET", "/users/me", first).status, 429);
  EXPECT_EQ(at.ask("GET", "/users/me", second).status, 200);
  EXPECT_EQ(at.ask("GET", "/marketplace/listings").status, 200);
  EXPECT_EQ(at.ask("GET", "/marketplace/listings").status, 200);
  EXPECT_EQ(at.ask("GET", "/marketplace/listings").status, 429);
}

TEST(Limits, CanBeReplacedWhileRequestsCome) {
  testing::world at({.user = {.limit = 0}, .address = {.limit = 1}});
  const auto status = [&] { return at.ask("GET", "/marketplace/listings").status; };
  EXPECT_EQ(status(), 200);
  EXPECT_EQ(status(), 429);
  at.held->set_limits({.address = {.limit = 1}});
  EXPECT_EQ(status(), 429) << "nothing has changed";
  at.held->set_limits({.address = {.limit = 2}});
  EXPECT_EQ(status(), 200);
  EXPECT_EQ(status(), 200);
  EXPECT_EQ(status(), 429);
  at.held->set_limits({.address = {.limit = 0}});
  for (int i = 0; i < 5; ++i) EXPECT_EQ(status(), 200);
}

}  // namespace
}  // namespace strata::platform
