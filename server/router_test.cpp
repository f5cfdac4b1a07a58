#include "server/router.hpp"

#include <strata/error.hpp>
#include <strata/task.hpp>

#include <tuple>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace strata::server {
namespace {

using fields = std::vector<std::pair<std::string, std::string>>;

/// Answers with the name of the route and its parameters.
handler named(std::string name) {
  return [name](request& r) -> task<response> {
    std::string text = name;
    for (const auto& each : r.route()->parameters) text.append(" ").append(r.path_parameter(each));
    return json(200, std::move(text));
  };
}

router platform_like() {
  router routes;
  auto all = routes.group();
  all.get("/", named("root"))
      .get("/users/me", named("me"))
      .get("/users/{id}", named("user"))
      .patch("/users/{id}", named("patch user"))
      .get("/users/{id}/settings", named("settings"))
      .get("/a/{x}/b/{y}", named("pair"));
  return routes;
}

response ask(const router& routes, std::string_view method, std::string_view target, const fields& with = {},
             std::string body = {}) {
  test_request asked(method, target, with, std::move(body));
  return sync_wait(routes.dispatch(*asked));
}

std::string field_of(const response& of, std::string_view name) {
  for (const auto& each : of.fields()) {
    if (each.name == name) return each.value;
  }
  return {};
}
std::string allow_of(const response& of) {
  return field_of(of, "Allow");
}

TEST(Router, FindsAPathsHandlerAndParameters) {
  const auto routes = platform_like();
  EXPECT_EQ(ask(routes, "GET", "/").body, "root");
  EXPECT_EQ(ask(routes, "GET", "/users/usr_1").body, "user usr_1");
  EXPECT_EQ(ask(routes, "GET", "/users/usr_1?x=1").body, "user usr_1");
  EXPECT_EQ(ask(routes, "PATCH", "/users/usr_1").body, "patch user usr_1");
  EXPECT_EQ(ask(routes, "GET", "/a/1/b/2").body, "pair 1 2");
}

TEST(Router, FixedTextWinsButDoesNotHideWhatLiesBelowAParameter) {
  const auto routes = platform_like();
  EXPECT_EQ(ask(routes, "GET", "/users/me").body, "me");
  EXPECT_EQ(ask(routes, "GET", "/users/me/settings").body, "settings me");
}

TEST(Router, SplitsBeforeItDecodes) {
  const auto routes = platform_like();
  EXPECT_EQ(ask(routes, "GET", "/users/a%2Fsettings").body, "user a/settings");
  EXPECT_EQ(ask(routes, "GET", "/%75sers/%6De").body, "me");
  EXPECT_EQ(ask(routes, "GET", "/users/%2e%2e").status, 400);
  EXPECT_EQ(ask(routes, "GET", "/users/../users/1").status, 400);
  EXPECT_EQ(ask(routes, "GET", "/users/%FF").status, 400);
}

TEST(Router, AnswersNotFoundForAnythingElse) {
  const auto routes = platform_like();
  for (const auto path : {"/users", "/users/", "/users/1/", "//users/1", "/users/1/x", "/Users/1", "/a//b/2",
                          "/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17/18"}) {
    const auto got = ask(routes, "GET", path);
    EXPECT_EQ(got.status, 404) << path;
    EXPECT_EQ(got.content_type.text, "application/problem+json");
  }
}

TEST(Router, AnswersMethodNotAllowedWithTheMethodsItHas) {
  const auto routes = platform_like();
  const auto got = ask(routes, "DELETE", "/users/1");
  EXPECT_EQ(got.status, 405);
  EXPECT_EQ(allow_of(got), "GET, HEAD, PATCH, OPTIONS");
  EXPECT_EQ(ask(routes, "TRACE", "/users/1").status, 405);
}

TEST(Router, HeadIsGetAndOptionsAnswersByItself) {
  const auto routes = platform_like();
  EXPECT_EQ(ask(routes, "HEAD", "/users/1").body, "user 1");
  const auto got = ask(routes, "OPTIONS", "/users/1");
  EXPECT_EQ(got.status, 204);
  EXPECT_EQ(allow_of(got), "GET, HEAD, PATCH, OPTIONS");
  EXPECT_EQ(ask(routes, "OPTIONS", "*").status, 204);
}

TEST(Router, StepsRunInOrderUntilOneAnswers) {
  router routes;
  std::string trace;
  const auto step_named = [&](std::string name, bool answers, bool waits) -> step {
    return [&trace, name, answers, waits](request&) -> task<std::optional<response>> {
      trace += name;
      if (waits) {
        return [](bool answer) -> task<std::optional<response>> {
          if (answer) co_return problem(401, "no");
          co_return std::nullopt;
        }(answers);
      }
      if (answers) return std::optional(problem(401, "no"));
      return std::optional<response>();
    };
  };
  const hook seen = [&](const request&, response& answer) { trace += std::to_string(answer.status); };
  for (const bool waits : {false, true}) {
    const std::string root = waits ? "/later" : "/now";
    routes
        .group({step_named("a", false, waits), step_named("b", false, false), step_named("c", false, waits)},
               {seen})
        .get(root + "/all", named("all"));
    routes
        .group({step_named("a", false, false), step_named("b", true, waits), step_named("c", false, false)},
               {seen})
        .get(root + "/stopped", named("never"));
    trace.clear();
    EXPECT_EQ(ask(routes, "GET", root + "/all").body, "all");
    EXPECT_EQ(trace, "abc200");
    trace.clear();
    EXPECT_EQ(ask(routes, "GET", root + "/stopped").status, 401);
    EXPECT_EQ(trace, "ab401");
  }
}

TEST(Router, AReadyAnswerNeedsNoFrame) {
  router routes;
  routes.group({[](request&) -> task<std::optional<response>> { return std::optional<response>(); }})
      .get("/a", named("a"));
  test_request asked("GET", "/a");
  EXPECT_TRUE(routes.dispatch(*asked).is_ready());
}

TEST(Router, TypesAreCheckedAfterTheSteps) {
  router routes;
  routes.group()
      .get("/a", named("a"))
      .post("/a", named("post"))
      .patch("/a", named("patch"), {.consumes = {"application/merge-patch+json", "application/json"}});
  EXPECT_EQ(ask(routes, "GET", "/a", {{"Accept", "text/html"}}).status, 406);
  EXPECT_EQ(ask(routes, "GET", "/a", {{"Accept", "text/html"}, {"Accept", "*/*;q=0.1"}}).status, 200);
  EXPECT_EQ(ask(routes, "POST", "/a", {}, "{}").status, 415);
  EXPECT_EQ(ask(routes, "POST", "/a", {{"Content-Type", "text/plain"}}, "{}").status, 415);
  EXPECT_EQ(ask(routes, "POST", "/a", {{"Content-Type", "application/json; charset=latin1"}}, "{}").status,
            415);
  EXPECT_EQ(ask(routes, "POST", "/a", {{"Content-Type", "Application/JSON; charset=utf-8"}}, "{}").status,
            200);
  EXPECT_EQ(ask(routes, "POST", "/a").status, 200);
  EXPECT_EQ(ask(routes, "PATCH", "/a", {{"Content-Type", "application/merge-patch+json"}}, "{}").status, 200);
}

TEST(Router, A415NamesTheTypesThatTheMethodTakes) {
  router routes;
  routes.group()
      .post("/a", named("post"))
      .put("/a", named("put"))
      .patch("/a", named("patch"), {.consumes = {"application/merge-patch+json", "application/json"}});
  const fields text{{"Content-Type", "text/plain"}};
  for (const auto& [method, field, types] :
       {std::tuple("PATCH", "Accept-Patch", "application/merge-patch+json, application/json"),
        std::tuple("POST", "Accept-Post", "application/json"),
        std::tuple("PUT", "Accept", "application/json")}) {
    const auto refused = ask(routes, method, "/a", text, "{}");
    EXPECT_EQ(refused.status, 415) << method;
    EXPECT_EQ(field_of(refused, field), types) << method;
  }
  const auto latin = ask(routes, "PATCH", "/a", {{"Content-Type", "application/json; charset=latin1"}}, "{}");
  EXPECT_EQ(latin.status, 415);
  EXPECT_EQ(field_of(latin, "Accept-Patch"), "application/merge-patch+json, application/json");
  EXPECT_EQ(field_of(ask(routes, "OPTIONS", "/a"), "Accept-Patch"),
            "application/merge-patch+json, application/json");
  EXPECT_EQ(field_of(ask(platform_like(), "OPTIONS", "/users/me"), "Accept-Patch"), "");
}

TEST(Router, RefusesABodyThatIsNotTheWholeContentAsItIs) {
  router routes;
  routes.group().post("/a", named("a"), {.consumes = {"application/json"}}).put("/a", named("a"));
  const auto post = [&](const std::string& coding) {
    return ask(routes, "POST", "/a", {{"Content-Type", "application/json"}, {"Content-Encoding", coding}},
               "{}");
  };
  for (const auto* refused : {"gzip", "identity, gzip", "br", "x"}) {
    const auto answered = post(refused);
    EXPECT_EQ(answered.status, 415) << refused;
    ASSERT_EQ(answered.fields().size(), 1u);
    EXPECT_EQ(answered.fields()[0].name, "Accept-Encoding");
    EXPECT_EQ(answered.fields()[0].value, "identity");
  }
  EXPECT_EQ(post("identity").status, 200);
  EXPECT_EQ(post("").status, 200);
  EXPECT_EQ(ask(routes, "PUT", "/a", {{"Content-Encoding", "gzip"}}, "x").status, 415);
  EXPECT_EQ(ask(routes, "PUT", "/a", {{"Content-Range", "bytes 0-1/4"}}, "xx").status, 400);
}

TEST(Router, RefusesInvalidRoutes) {
  router routes;
  auto all = routes.group();
  all.get("/a/{id}", named("a"));
  for (const auto pattern : {"", "a", "/a/{id}", "/a/{other}", "/{}", "/{x}y", "/x{y}", "/%41", "/{a}/{a}",
                             "/{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}/{i}"}) {
    EXPECT_THROW(all.get(pattern, named("b")), bad_options) << pattern;
  }
  EXPECT_THROW(all.get("/b", {}), bad_options);
  EXPECT_THROW(all.get("/b", named("b"), {.cache_control = "maxage=1"}), bad_options);
  EXPECT_THROW(all.get("/b", named("b"), {.fields = {{"X", "a\r\nb"}}}), bad_options);
}

TEST(Request, FindsFieldsCookiesAndQuery) {
  test_request asked(
      "GET", "/?page=1&q=a+b&page=2&empty&=x",
      {{"Accept", "a"}, {"accept", "b"}, {"Cookie", "one=1; strata_session=\"sess_x\"; one=2"}});
  EXPECT_EQ(asked->field("ACCEPT"), "a");
  EXPECT_EQ(asked->field_list("Accept"), "a, b");
  EXPECT_FALSE(asked->has_field("X-None"));
  EXPECT_EQ(asked->cookie("strata_session"), "sess_x");
  EXPECT_EQ(asked->cookie("one"), "1");
  EXPECT_FALSE(asked->cookie("session"));
  EXPECT_EQ(asked->query("page"), "1");
  EXPECT_EQ(asked->query_count("page"), 2u);
  EXPECT_EQ(asked->query("q"), "a b");
  EXPECT_EQ(asked->query("empty"), "");
  EXPECT_FALSE(asked->query("none"));
  EXPECT_EQ(asked->query().size(), 5u);
}

TEST(Request, APrincipalIsGivenBackOnlyAsWhatItIs) {
  test_request asked("GET", "/");
  asked->set_principal(std::make_shared<const int>(7));
  EXPECT_EQ(*asked->principal<int>(), 7);
  EXPECT_EQ(asked->principal<std::string>(), nullptr);
}

}  // namespace
}  // namespace strata::server
