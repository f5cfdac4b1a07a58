/// Two gateways that share only the database. A session reads its own writes through both.

#include "platform/consistency_cookie.hpp"
#include "platform/test_support.hpp"

#include <gmock/gmock.h>

namespace strata::platform {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

/// Another gateway on the database of `of`. It receives no invalidations.
struct beside {
  explicit beside(const testing::world& of) : cache(std::make_shared<strata::cache>()) {
    app_options options;
    options.database = of.another();
    options.cache = cache;
    options.auth.passwords = testing::quick_passwords();
    options.limits = testing::no_limits();
    held = std::make_unique<app>(std::move(options));
    routes = std::make_unique<strata::server::router>(held->routes());
  }
  testing::answer ask(std::string_view method, std::string_view target, std::string_view token,
                      testing::fields more = {}, std::string body = {}) const {
    return testing::ask(*routes, method, target, token, std::move(body), std::move(more));
  }

  std::shared_ptr<strata::cache> cache;
  std::unique_ptr<app> held;
  std::unique_ptr<strata::server::router> routes;
};

class ConsistencyTokens : public testing::PlatformTest {
 protected:
  /// A field that carries the token of `written`.
  static testing::fields token_of_write(const testing::answer& written) {
    return {{"Strata-Mark", written.field("Strata-Mark")}};
  }
  testing::answer rename(const std::string& to) const {
    return at.ask("PATCH", path, member_token, R"({"name":")" + to + R"("})");
  }

  agent row = at.add_agent(home, "Before");
  std::string path = "/agents/" + row.id;
  beside other{at};
  std::string token = testing::login(*other.routes, member.email);
};

TEST_F(ConsistencyTokens, AreSentWithWritesAndNothingElse) {
  EXPECT_NE(rename("After").field("Strata-Mark"), "");
  EXPECT_NE(at.ask("POST", "/agents", member_token, R"({"name":"New"})").field("Strata-Mark"), "");
  EXPECT_NE(at.ask("PUT", path + "/config", member_token, "{}").field("Strata-Mark"), "");
  EXPECT_NE(at.ask("POST", path + "/executions", member_token).field("Strata-Mark"), "");
  EXPECT_EQ(at.ask("GET", path, member_token).field("Strata-Mark"), "");
  EXPECT_EQ(at.ask("POST", "/auth/logout-all", member_token).field("Strata-Mark"), "");
}

TEST_F(ConsistencyTokens, AreCookiesForCookieSessions) {
  const testing::fields by_cookie{{"Cookie", "strata_session=" + member_token}};
  const auto written = at.ask("PATCH", path, {}, R"({"name":"After"})", by_cookie);
  ASSERT_EQ(written.status, 200);
  const auto cookie = written.field("Set-Cookie");
  EXPECT_THAT(cookie, HasSubstr("strata_mark=" + written.field("Strata-Mark") + "; "));
  EXPECT_THAT(cookie, HasSubstr("HttpOnly"));
  EXPECT_THAT(cookie, HasSubstr("SameSite=Lax"));
  EXPECT_EQ(rename("Again").field("Set-Cookie"), "");

  other.ask("GET", path, token);
  const auto again = rename("For the cookie");
  const auto read =
      other.ask("GET", path, {},
                {{"Cookie", "strata_session=" + token + "; strata_mark=" + again.field("Strata-Mark")}});
  EXPECT_EQ(read.text("/name"), "For the cookie");
}

TEST_F(ConsistencyTokens, ShowTheirSessionItsOwnWrites) {
  ASSERT_EQ(other.ask("GET", path, token).text("/name"), "Before");
  ASSERT_EQ(other.ask("GET", "/agents", token).text("/items/0/name"), "Before");
  const auto sent = token_of_write(rename("After"));
  EXPECT_EQ(other.ask("GET", path, token).text("/name"), "Before") << "this gateway received no invalidation";
  EXPECT_EQ(other.ask("GET", path, token, sent).text("/name"), "After");
  EXPECT_EQ(other.ask("GET", "/agents", token, sent).text("/items/0/name"), "After");
  const auto again = other.ask("GET", path, token, sent);
  EXPECT_THAT(again.field("Cache-Status"), HasSubstr("hit")) << "the second read is a hit again";
}

TEST_F(ConsistencyTokens, CoverTheSessionsMarketplaceWrites) {
  const auto listing = "/marketplace/listings/" + at.add_listing("Cartographer").id;
  ASSERT_EQ(other.ask("GET", listing, {}).number("/install_count"), 0);
  const auto sent = token_of_write(at.ask("POST", listing + "/install", member_token));
  EXPECT_EQ(other.ask("GET", listing, {}, sent).number("/install_count"), 0) << "a token needs a session";
  EXPECT_EQ(other.ask("GET", listing, token, sent).number("/install_count"), 1);
}

TEST_F(ConsistencyTokens, CoverUsersAndTheirPermissions) {
  ASSERT_EQ(other.ask("GET", path, token).status, 200);
  const auto taken =
      at.ask("PUT", "/users/" + member.id + "/permissions", admin_token, R"({"permissions":[]})");
  ASSERT_EQ(taken.status, 200);
  EXPECT_EQ(other.ask("GET", path, token, token_of_write(taken)).status, 403);
  const auto named = at.ask("PATCH", "/users/" + member.id, member_token, R"({"name":"Renamed"})");
  EXPECT_EQ(other.ask("GET", "/users/me", token, token_of_write(named)).text("/name"), "Renamed");
}

TEST_F(ConsistencyTokens, OfTwoGatewaysAreJoined) {
  const auto second = at.add_agent(home, "Second");
  const auto second_path = "/agents/" + second.id;
  ASSERT_EQ(other.ask("GET", path, token).status, 200);
  ASSERT_EQ(at.ask("GET", second_path, member_token).status, 200);
  const auto here = rename("Here");
  const auto there = other.ask("PATCH", second_path, token, token_of_write(here), R"({"name":"There"})");
  ASSERT_EQ(there.status, 200);
  const auto sent = token_of_write(there);
  EXPECT_EQ(other.ask("GET", path, token, sent).text("/name"), "Here");
  EXPECT_EQ(at.ask("GET", second_path, member_token, {}, sent).text("/name"), "There");
}

TEST_F(ConsistencyTokens, AreIgnoredWhenForged) {
  ASSERT_THAT(at.ask("GET", path, member_token).status, 200);
  const auto forged = strata::to_text(strata::consistency_token{1, true, strata::last_commit_time - 1});
  for (int i = 0; i < 3; ++i) {
    const auto read = at.ask("GET", path, member_token, {}, {{"Strata-Mark", forged}});
    EXPECT_THAT(read.field("Cache-Status"), HasSubstr("hit")) << "it costs no read of the database";
  }
}

TEST_F(ConsistencyTokens, ShowNoCounter) {
  EXPECT_EQ(rename("After").field("Strata-Mark").size(), 76u);
  EXPECT_FALSE(strata::consistency_token_of(rename("Again").field("Strata-Mark")));
}

TEST_F(ConsistencyTokens, AreIgnoredWhenMalformed) {
  for (const char* text : {"x", "0000000000000001-s-", ", ,", "%00"}) {
    const auto read = at.ask("GET", path, member_token, {}, {{"Strata-Mark", text}});
    EXPECT_EQ(read.status, 200) << text;
  }
  EXPECT_THAT(at.ask("GET", path, member_token, {}, {{"Strata-Mark", "x"}}).field("Cache-Status"),
              HasSubstr("hit"));
}

}  // namespace
}  // namespace strata::platform
