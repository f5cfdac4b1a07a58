// How users log in, set passwords and are invited, and what a page of another site cannot do.

#include "platform/emails.hpp"
#include "platform/test_support.hpp"

#include <gmock/gmock.h>

#include <set>

namespace strata::platform {
namespace {

using testing::answer;
using testing::fields;
using ::testing::HasSubstr;
using testing::must;
using ::testing::Not;
using ::testing::StartsWith;
using testing::world;

std::string credentials(const std::string& email, const std::string& password, const std::string& more = "") {
  return R"({"email":")" + email + R"(","password":")" + password + '"' + more + '}';
}

/// "NAME=VALUE" of the answer's Set-Cookie line for `name`.
std::string cookie_of(const answer& from, const std::string& name) {
  const auto at = from.head.find("Set-Cookie: " + name + "=");
  if (at == std::string::npos) return {};
  const auto start = at + 12;
  return from.head.substr(start, from.head.find(';', start) - start);
}

class Logins : public testing::PlatformTest {
 protected:
  answer log_in(const std::string& email, const std::string& password, fields more = {}) const {
    return at.ask("POST", "/auth/login", {}, credentials(email, password), std::move(more));
  }
};

TEST_F(Logins, TakeABearerSchemeInAnyCase) {
  for (const std::string scheme : {"Bearer ", "bearer ", "BEARER ", "bEaReR   "}) {
    EXPECT_EQ(at.ask("GET", "/users/me", {}, {}, {{"Authorization", scheme + member_token}}).status, 200)
        << scheme;
  }
  EXPECT_EQ(at.ask("GET", "/users/me", {}, {}, {{"Authorization", "Bearers" + member_token}}).status, 401);
}

TEST_F(Logins, ListTheirSessionsAndEndOne) {
  const auto done = log_in(member.email, "password of " + member.email, {{"User-Agent", "Phone"}});
  const auto phone = done.text("/session");
  const auto listed = at.ask("GET", "/auth/sessions", member_token);
  ASSERT_EQ(listed.json().at("items").as_array().size(), 2u);
  std::string id;
  for (const auto& each : listed.json().at("items").as_array()) {
    EXPECT_NE(each.at("current").as_bool(), each.at("device").as_string() == "Phone");
    if (!each.at("current").as_bool()) id = each.at("id").as_string();
  }
  EXPECT_EQ(at.ask("DELETE", "/auth/sessions/" + id, stranger_token).status, 404);
  EXPECT_EQ(at.ask("GET", "/users/me", phone).status, 200);
  EXPECT_EQ(at.ask("DELETE", "/auth/sessions/" + id, member_token).status, 204);
  EXPECT_EQ(at.ask("GET", "/users/me", phone).status, 401);
  EXPECT_EQ(at.ask("DELETE", "/auth/sessions/" + id, member_token).status, 404);
}

TEST_F(Logins, ChangeNothingForAPageOfAnotherSite) {
  const auto row = at.add_agent(home, "Agent");
  const auto cookie = [&](fields more) {
    more.emplace_back("Cookie", "strata_session=" + admin_token);
    more.emplace_back("Host", "strata.example");
    return more;
  };
  const auto run = [&](fields more) {
    return at.ask("POST", "/agents/" + row.id + "/executions", {}, {}, cookie(std::move(more))).status;
  };
  for (const auto& foreign :
       {fields{{"Origin", "https://evil.example"}}, fields{{"Origin", "null"}},
        fields{{"Origin", "https://strata.example.evil.example"}},
        fields{{"Origin", "https://strata.example:8443"}}, fields{{"Sec-Fetch-Site", "cross-site"}},
        fields{{"Sec-Fetch-Site", "same-site"}, {"Origin", "https://strata.example"}}}) {
    EXPECT_EQ(run(foreign), 403) << foreign.front().second;
    EXPECT_EQ(at.ask("POST", "/auth/logout", {}, {}, cookie(foreign)).status, 403);
    EXPECT_EQ(at.ask("POST", "/auth/login", {}, credentials("a@b.example", "guess"), foreign).status, 403);
    EXPECT_EQ(at.ask("GET", "/users/me", {}, {}, cookie(foreign)).status, 200) << "a read changes nothing";
  }
  EXPECT_EQ(at.ask("GET", "/agents/" + row.id, admin_token).number("/execution_count"), 0);
  for (const auto& own :
       {fields{}, fields{{"Origin", "https://strata.example"}}, fields{{"Origin", "HTTP://Strata.example"}},
        fields{{"Sec-Fetch-Site", "same-origin"}}, fields{{"Sec-Fetch-Site", "none"}}}) {
    EXPECT_EQ(run(own), 202);
  }
  EXPECT_EQ(at.ask("POST", "/agents/" + row.id + "/executions", admin_token, {},
                   {{"Origin", "https://evil.example"}})
                .status,
            202)
      << "no browser adds a Bearer token by itself";
}

TEST_F(Logins, GetANewCookieAfterTheyHaveGainedRights) {
  const fields cookie{{"Cookie", "strata_session=" + member_token}};
  EXPECT_EQ(cookie_of(at.ask("GET", "/users/me", {}, {}, cookie), "strata_session"), "");
  ASSERT_EQ(at.ask("PATCH", "/users/" + member.id, admin_token, R"({"is_admin":true})").status, 200);
  const auto rotated = at.ask("GET", "/users/me", {}, {}, cookie);
  EXPECT_EQ(rotated.status, 200);
  const auto next = cookie_of(rotated, "strata_session");
  ASSERT_THAT(next, StartsWith("strata_session=sess_"));
  EXPECT_NE(next, "strata_session=" + member_token);
  EXPECT_EQ(cookie_of(at.ask("GET", "/users/me", {}, {}, cookie), "strata_session"), "") << "once";
  EXPECT_EQ(at.ask("GET", "/users/me", {}, {}, {{"Cookie", next}}).text("/id"), member.id);
  ASSERT_EQ(
      at.ask("PUT", "/users/" + member.id + "/permissions", admin_token, R"({"permissions":["agents:*"]})")
          .status,
      200);
  EXPECT_NE(cookie_of(at.ask("GET", "/users/me", {}, {}, {{"Cookie", next}}), "strata_session"), "");
}

TEST_F(Logins, EndWhenThePasswordChangesButTheOneThatChangedIt) {
  const auto other = at.login(member.email);
  const auto change = [&](const std::string& current, const std::string& next) {
    return at.ask("PUT", "/auth/password", member_token,
                  R"({"current_password":")" + current + R"(","new_password":")" + next + R"("})");
  };
  EXPECT_EQ(change("guess", "a better one").status, 403);
  EXPECT_EQ(change("password of " + member.email, "short").status, 422);
  EXPECT_EQ(at.ask("GET", "/users/me", other).status, 200);
  EXPECT_EQ(change("password of " + member.email, "a better one").status, 204);
  EXPECT_EQ(at.ask("GET", "/users/me", other).status, 401);
  EXPECT_EQ(at.ask("GET", "/users/me", member_token).status, 200);
  EXPECT_EQ(log_in(member.email, "password of " + member.email).status, 401);
  EXPECT_EQ(log_in(member.email, "a better one").status, 200);
}

TEST_F(Logins, RenewAHashOfOtherCosts) {
  const auto hash = [&] {
    auto rows = must(sync_wait(
        at.database->query("SELECT password_hash FROM credentials WHERE user_id = $1", {member.id})));
    return std::get<std::string>(rows.at(0, "password_hash"));
  };
  const auto before = hash();
  EXPECT_THAT(before, HasSubstr("t=1"));
  app_options options;
  options.database = at.database;
  options.cache = at.cache;
  options.auth.passwords = {.operations = 2, .memory = {16384}};
  options.limits = testing::no_limits();
  app other(std::move(options));
  const auto routes = other.routes();
  testing::login(routes, member.email);
  EXPECT_THAT(hash(), HasSubstr("t=2"));
  const auto renewed = hash();
  testing::login(routes, member.email);
  EXPECT_EQ(hash(), renewed);
  EXPECT_EQ(log_in(member.email, "password of " + member.email).status, 200);
}

TEST_F(Logins, AcceptAnInvitationOnce) {
  const auto invited = at.ask("POST", "/users", admin_token, R"({"email":"new@home.example","name":"New"})");
  ASSERT_EQ(invited.status, 201) << invited.body;
  const auto id = invited.text("/user/id");
  EXPECT_EQ(invited.field("Location"), "/users/" + id);
  EXPECT_EQ(at.ask("GET", "/users/" + id, admin_token).text("/email"), "new@home.example");
  const auto token = invited.text("/invitation");
  const auto accept = [&](const std::string& with) {
    return at.ask("POST", "/auth/invitations", {},
                  R"({"invitation":")" + with + R"(","password":"long enough"})");
  };
  const auto again = at.ask("POST", "/users/" + id + "/invitation", admin_token);
  ASSERT_EQ(again.status, 200) << again.body;
  EXPECT_EQ(accept(token).status, 401) << "a newer one replaces it";
  EXPECT_EQ(at.ask("POST", "/users/" + id + "/invitation", stranger_token).status, 404);
  const auto accepted = accept(again.text("/invitation"));
  ASSERT_EQ(accepted.status, 200) << accepted.body;
  EXPECT_EQ(at.ask("GET", "/users/me", accepted.text("/session")).text("/id"), id);
  EXPECT_EQ(accept(again.text("/invitation")).status, 401);
  EXPECT_EQ(at.ask("POST", "/users/" + id + "/invitation", admin_token).status, 409) << "there is a password";
  EXPECT_EQ(at.ask("POST", "/users", member_token, R"({"email":"x@home.example","name":"X"})").status, 403);
  const auto named =
      at.ask("POST", "/auth/login", {},
             credentials("new@home.example", "long enough", R"(,"organization_id":")" + home.id + '"'));
  EXPECT_EQ(named.status, 200) << named.body;
}

// Whether another organization has an address shows in no response, and in no login.
TEST_F(Logins, RevealNoEmailOfAnotherOrganization) {
  const std::string taken = stranger.email, unused = "nobody@abroad.example";
  std::vector<std::string> tokens;
  for (const auto& each : {taken, unused}) {
    const auto invited = at.ask("POST", "/users", admin_token, R"({"email":")" + each + R"(","name":"New"})");
    EXPECT_EQ(invited.status, 201) << each;
    const auto accepted =
        at.ask("POST", "/auth/invitations", {},
               R"({"invitation":")" + invited.text("/invitation") + R"(","password":"long enough"})");
    EXPECT_EQ(accepted.status, 200) << each;
    EXPECT_EQ(log_in(each, "long enough").status, 401) << each;
    const auto named = at.ask("POST", "/auth/login", {},
                              credentials(each, "long enough", R"(,"organization_id":")" + home.id + '"'));
    EXPECT_EQ(named.status, 200) << each;
    EXPECT_EQ(at.ask("POST", "/users", admin_token, R"({"email":")" + each + R"(","name":"New"})").status,
              409)
        << "one's own organization's";
  }
  const auto third = at.add_user(abroad, "third@abroad.example", false);
  for (const auto& each : {third.email, std::string("nobody2@abroad.example")}) {
    EXPECT_EQ(at.ask("PATCH", "/users/" + member.id, admin_token, R"({"email":")" + each + R"("})").status,
              200);
    EXPECT_EQ(log_in(each, "password of " + member.email).status, 401) << each;
  }
  EXPECT_EQ(log_in(stranger.email, "password of " + stranger.email).status, 200);
}

TEST_F(Logins, FoldEmailsOneWayOnly) {
  EXPECT_EQ(folded_email("AdMin@Home.EXAMPLE"), "admin@home.example");
  const std::string kelvin = "\u212Aelvin@home.example", dotted = "\u0130@home.example";
  EXPECT_EQ(folded_email(kelvin), kelvin);
  at.add_user(home, "kelvin@home.example", false);
  EXPECT_EQ(log_in("KELVIN@home.example", "password of kelvin@home.example").status, 200);
  EXPECT_EQ(log_in(kelvin, "password of kelvin@home.example").status, 401);
  at.add_user(home, kelvin, false);
  at.add_user(home, dotted, false);
  EXPECT_EQ(log_in(kelvin, "password of " + kelvin).status, 200);
  const auto folded = must(sync_wait(at.database->query(
      "SELECT " + folded_email_sql("email") + " AS folded FROM users WHERE email = $1", {dotted})));
  EXPECT_EQ(std::get<std::string>(folded.at(0, "folded")), folded_email(dotted));
}

TEST(LoginLimits, LeaveABrowserAloneThatTheUserHasUsedBefore) {
  world at({.login_account = {.limit = 3}, .login_address = {.limit = 0}});
  const auto home = at.add_organization("Home");
  const auto victim = at.add_user(home, "a@home.example", false);
  const auto right = credentials(victim.email, "password of " + victim.email);
  const auto first = at.ask("POST", "/auth/login", {}, right);
  const auto device = cookie_of(first, "strata_device");
  ASSERT_THAT(device, StartsWith("strata_device=dev_"));
  for (int i = 0; i < 5; ++i) at.ask("POST", "/auth/login", {}, credentials(victim.email, "guess"));
  EXPECT_EQ(at.ask("POST", "/auth/login", {}, right).status, 429);
  EXPECT_EQ(at.ask("POST", "/auth/login", {}, right, {{"Cookie", device}}).status, 200);
  const auto forged = "strata_device=dev_" + std::string(43, 'A');
  EXPECT_EQ(at.ask("POST", "/auth/login", {}, right, {{"Cookie", forged}}).status, 429);
  const auto other = at.add_user(home, "b@home.example", false);
  for (int i = 0; i < 3; ++i) at.ask("POST", "/auth/login", {}, credentials(other.email, "guess"));
  EXPECT_EQ(at.ask("POST", "/auth/login", {}, credentials(other.email, "password of " + other.email),
                   {{"Cookie", device}})
                .status,
            429)
      << "it is known for its user only";
}

TEST(SecureCookies, BelongToTheirHostAlone) {
  world at;
  const auto home = at.add_organization("Home");
  const auto who = at.add_user(home, "a@home.example", false);
  app_options options;
  options.database = at.database;
  options.cache = at.cache;
  options.auth.passwords = testing::quick_passwords();
  options.auth.secure_cookie = true;
  options.limits = testing::no_limits();
  app secure(std::move(options));
  const auto routes = secure.routes();
  const auto done =
      testing::ask(routes, "POST", "/auth/login", {}, credentials(who.email, "password of " + who.email));
  const auto cookie = cookie_of(done, "__Host-strata_session");
  ASSERT_NE(cookie, "") << done.head;
  EXPECT_THAT(done.head, HasSubstr("Set-Cookie: " + cookie +
                                   "; Path=/; Max-Age=2592000; HttpOnly; SameSite=Lax; Secure"));
  EXPECT_EQ(testing::ask(routes, "GET", "/users/me", {}, {}, {{"Cookie", cookie}}).status, 200);
  const auto planted = "strata_session=" + done.text("/session");
  EXPECT_EQ(testing::ask(routes, "GET", "/users/me", {}, {}, {{"Cookie", planted}}).status, 401);
}

TEST(Passwords, OfABurstDelayAnotherAddressByOneJob) {
  password_hasher hasher({.queue = 60, .queue_each = 60, .operations = 1, .memory = {1u << 20}});
  strata::run_loop loop;
  std::vector<std::string> finished;
  const auto add = [&](const std::string& from) {
    strata::start(
        &loop, hasher.hash("x", from),
        [&finished, from](strata::completion<strata::result<std::string>>) { finished.push_back(from); });
  };
  for (int i = 0; i < 30; ++i) add("burst");
  add("other");
  loop.run_until([&] { return finished.size() == 31; });
  const auto at = std::ranges::find(finished, "other") - finished.begin();
  // Jobs that had ended before it came do not count: the burst may be quicker than this thread.
  EXPECT_LT(at, 30) << "it came last and waited for all";
}

TEST(Passwords, OfOneAddressDoNotFillTheQueueForOthers) {
  password_hasher hasher({.queue = 4, .queue_each = 4, .operations = 1, .memory = {64u << 20}});
  strata::run_loop loop;
  std::size_t finished = 0, refused = 0;
  bool other_done = false;
  for (int i = 0; i < 12; ++i) {
    strata::start(&loop, hasher.hash("x", "burst"),
                  [&](strata::completion<strata::result<std::string>> done) {
                    ++finished;
                    refused += done.has_value() && !done->has_value();
                  });
  }
  strata::start(&loop, hasher.hash("x", "other"), [&](strata::completion<strata::result<std::string>> done) {
    ++finished;
    other_done = done.has_value() && done->has_value();
  });
  loop.run_until([&] { return finished == 13; });
  EXPECT_TRUE(other_done);
  EXPECT_GE(refused, 7u);
}

}  // namespace
}  // namespace strata::platform
