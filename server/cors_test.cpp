#include "server/cors.hpp"

#include "server/response_writer.hpp"
#include "server/router.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace strata::server {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using fields = std::vector<std::pair<std::string, std::string>>;

const cors_options named{.origins = {"https://app.example", "http://localhost:3000"}};

/// The head of the response to a request, where only PATCH of /thing requires a login.
std::string head(const cors_options& options, std::string_view method, const fields& with) {
  router routes;
  routes.group().get("/thing", [](request&) -> task<response> {
    auto answer = json(200, "{}");
    answer.etag = "\"v1\"";
    return answer;
  });
  routes
      .group(
          {[](request&) -> task<std::optional<response>> { return std::optional(problem(401, "log in")); }})
      .patch("/thing", [](request&) -> task<response> { return json(200, "{}"); });
  test_request asked(method, "/thing", with);
  std::string out;
  auto answer = sync_wait(routes.dispatch(*asked));
  write_response(*asked, std::move(answer), {.cors = &options}, out);
  return out;
}

TEST(Cors, ANamedOriginReadsWithCredentials) {
  for (const auto* origin : {"https://app.example", "http://localhost:3000"}) {
    const auto got = head(named, "GET", {{"Origin", origin}});
    EXPECT_THAT(got, HasSubstr("\r\nAccess-Control-Allow-Origin: " + std::string(origin) + "\r\n"));
    EXPECT_THAT(got, HasSubstr("\r\nAccess-Control-Allow-Credentials: true\r\n"));
    EXPECT_THAT(got, HasSubstr("\r\nAccess-Control-Expose-Headers: "));
    EXPECT_THAT(got, HasSubstr("\r\nVary: Origin\r\n"));
  }
  const auto unchanged = head(named, "GET", {{"Origin", "https://app.example"}, {"If-None-Match", "\"v1\""}});
  EXPECT_THAT(unchanged, HasSubstr("HTTP/1.1 304 "));
  EXPECT_THAT(unchanged, HasSubstr("\r\nAccess-Control-Allow-Origin: https://app.example\r\n"));
}

TEST(Cors, AnotherOriginReadsNothing) {
  for (const auto* origin : {"https://app.example.evil", "http://app.example", "https://app.example:444",
                             "null", "", "https://APP.example", "*", "https://app.example, https://evil"}) {
    const auto got = head(named, "GET", {{"Origin", origin}});
    EXPECT_THAT(got, Not(HasSubstr("Access-Control-"))) << origin;
    EXPECT_THAT(got, HasSubstr("\r\nVary: Origin\r\n")) << origin;
  }
  const auto twice =
      head(named, "GET", {{"Origin", "https://app.example"}, {"Origin", "https://app.example"}});
  EXPECT_THAT(twice, Not(HasSubstr("Access-Control-")));
}

TEST(Cors, EveryResponseVariesByOrigin) {
  EXPECT_THAT(head(named, "GET", {}), HasSubstr("\r\nVary: Origin\r\n"));
  EXPECT_THAT(head({}, "GET", {{"Origin", "https://app.example"}}), Not(HasSubstr("Origin")));
}

TEST(Cors, APreflightNeedsNoLogin) {
  const auto got =
      head(named, "OPTIONS", {{"Origin", "https://app.example"}, {"Access-Control-Request-Method", "PATCH"}});
  EXPECT_THAT(got, HasSubstr("HTTP/1.1 204 "));
  EXPECT_THAT(got, HasSubstr("\r\nAccess-Control-Allow-Methods: GET, HEAD, PATCH, OPTIONS\r\n"));
  EXPECT_THAT(got, HasSubstr("\r\nAccess-Control-Allow-Headers: Authorization, Content-Type, If-Match,"));
  EXPECT_THAT(got, HasSubstr("\r\nAccess-Control-Max-Age: 600\r\n"));
  EXPECT_THAT(got, HasSubstr("\r\nAccess-Control-Allow-Credentials: true\r\n"));
  const auto refused =
      head(named, "OPTIONS", {{"Origin", "https://evil"}, {"Access-Control-Request-Method", "PATCH"}});
  EXPECT_THAT(refused, Not(HasSubstr("Access-Control-")));
  // An error is read too.
  EXPECT_THAT(head(named, "PATCH", {{"Origin", "https://app.example"}}),
              HasSubstr("\r\nAccess-Control-Allow-Origin: https://app.example\r\n"));
}

TEST(Cors, EveryOriginReadsWithoutCredentials) {
  const cors_options any{.origins = {"*"}};
  const auto got = head(any, "GET", {{"Origin", "https://whoever.example"}});
  EXPECT_THAT(got, HasSubstr("\r\nAccess-Control-Allow-Origin: *\r\n"));
  EXPECT_THAT(got, Not(HasSubstr("Credentials")));
  EXPECT_THAT(got, Not(HasSubstr("Vary: Origin")));
  const cors_options both{.origins = {"*", "https://app.example"}};
  EXPECT_THAT(head(both, "GET", {{"Origin", "https://app.example"}}), HasSubstr("Credentials: true"));
  const auto other = head(both, "GET", {{"Origin", "https://whoever.example"}});
  EXPECT_THAT(other, HasSubstr("\r\nAccess-Control-Allow-Origin: *\r\n"));
  EXPECT_THAT(other, Not(HasSubstr("Credentials")));
  EXPECT_THAT(other, HasSubstr("\r\nVary: Origin\r\n"));
}

TEST(Cors, AnOriginIsASchemeAndAHost) {
  for (const auto* good : {"https://a", "http://a.b:8080", "http://[::1]:3000", "http://127.0.0.1"}) {
    EXPECT_TRUE(is_origin(good)) << good;
  }
  for (const auto* bad : {"", "*", "null", "a.example", "https://", "https://a/", "https://a/b", "https://A",
                          "ftp://a", "https://a b", "https://:80", "https://a:", "HTTPS://a"}) {
    EXPECT_FALSE(is_origin(bad)) << bad;
  }
}

}  // namespace
}  // namespace strata::server
