// The gateway refuses invalid input with the right status and a problem document that names the place. It
// keeps running and writes nothing.

#include "tests/system/gateway.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace strata::system_test {
namespace {

using testing::HasSubstr;

struct BadInput : testing::Test {
  // One gateway for all tests: if a test breaks it, the next one fails.
  static void SetUpTestSuite() {
    folder = new temp_folder();
    running = new gateway(*folder, {"--demo", "--limits-header-timeout", "300ms", "--limits-body-timeout",
                                    "300ms", "--limits-idle-timeout", "1s"});
    session = running->session(running->as("admin"));
    const auto list = running->ask("GET", "/agents?limit=1", {session});
    agent = std::string(parsed(list.body).at("items").as_array().at(0).at("id").as_string());
    tag = running->ask("GET", "/agents/" + agent, {session}).field("etag");
  }
  static void TearDownTestSuite() {
    delete running;
    delete folder;
  }

  void SetUp() override { before = other_program(folder->file("strata.db")).image(); }
  void TearDown() override {
    EXPECT_EQ(running->ask_admin("GET", "/healthz").status, 200) << "the gateway is gone";
    EXPECT_EQ(running->ask("GET", "/agents/" + agent, {session}).status, 200);
    EXPECT_EQ(other_program(folder->file("strata.db")).image(), before) << "something was written";
  }

  static answer write(const std::string& method, const std::string& target, const std::string& body,
                      field_list more = {}) {
    more.push_back(session);
    return running->ask(method, target, more, body);
  }

  /// A problem document of `status` whose text holds each of `words`.
  static void expect_problem(const answer& got, int status, const std::vector<std::string>& words = {}) {
    EXPECT_EQ(got.status, status) << got.body;
    EXPECT_THAT(got.field("content-type"), HasSubstr("application/problem+json"));
    EXPECT_THAT(got.field("cache-control"), HasSubstr("no-store"));
    const auto document = json::parse(got.body);
    ASSERT_TRUE(document) << got.body;
    EXPECT_EQ(document->at("status").as_int64(), status);
    EXPECT_FALSE(document->at("title").as_string().empty());
    for (const auto& each : words) EXPECT_THAT(got.body, HasSubstr(each));
  }

  /// Sends `bytes` as they are and reads one answer.
  static answer raw(const std::string& bytes) {
    connection to(running->port());
    to.send(bytes);
    auto got = to.receive();
    if (!got) throw std::runtime_error("the connection was closed without an answer");
    return std::move(*got);
  }

  static inline temp_folder* folder = nullptr;
  static inline gateway* running = nullptr;
  static inline std::pair<std::string, std::string> session;
  static inline std::string agent, tag;
  std::string before;
};

TEST_F(BadInput, MalformedJsonIsPointedAt) {
  expect_problem(write("POST", "/agents", "{\"name\": \"x\",\n  \"status\" }"), 400, {"line 2", "column"});
  expect_problem(write("POST", "/agents", "{"), 400, {"line 1"});
  expect_problem(write("POST", "/agents", "{\"name\":\"x\"} trailing"), 400, {"line 1"});
  expect_problem(write("PATCH", "/agents/" + agent, "nul"), 400);
  expect_problem(running->ask("POST", "/auth/login", {}, "{\"email\":"), 400);
  expect_problem(write("POST", "/agents", "{\"name\":\"x\",\"name\":\"y\"}"), 400, {"name"});
  expect_problem(write("POST", "/agents", std::string(100, '[') + std::string(100, ']')), 400);
}

TEST_F(BadInput, WrongTypesAndUnknownFieldsAreAllNamed) {
  expect_problem(write("POST", "/agents", R"({"name":7,"status":"active","colour":"red"})"), 422,
                 {"/name", "/colour", "errors"});
  expect_problem(write("PATCH", "/agents/" + agent, R"({"name":["x"]})"), 422, {"/name"});
  expect_problem(write("PATCH", "/agents/" + agent, R"({"is_public":"yes"})"), 422, {"/is_public"});
  expect_problem(write("PATCH", "/agents/" + agent, R"({"status":"flying"})"), 422, {"/status"});
  expect_problem(write("PATCH", "/agents/" + agent, R"([1,2,3])"), 422);
  expect_problem(write("PATCH", "/agents/" + agent, R"({"id":"agt_000000000000"})"), 422, {"/id"});
  expect_problem(write("PATCH", "/agents/" + agent, R"({"version":99})"), 422, {"/version"});
  expect_problem(write("POST", "/agents", R"({})"), 422, {"/name"});
  expect_problem(running->ask("POST", "/auth/login", {}, R"({"email":1,"password":null})"), 422,
                 {"/email", "/password"});
}

TEST_F(BadInput, HugeBodiesAreRefusedWhetherTheyAreAnnouncedOrNot) {
  const std::string huge(2u << 20, 'x');
  expect_problem(write("POST", "/agents", "{\"name\":\"" + huge + "\"}"), 413);
  const auto head = "POST /agents HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n" + session.first +
                    ": " + session.second + "\r\n";
  expect_problem(raw(head + "Content-Length: 99999999999\r\n\r\n"), 413);
  expect_problem(raw(head + "Transfer-Encoding: chunked\r\n\r\n200000\r\n" + huge + "\r\n0\r\n\r\n"), 413);
}

TEST_F(BadInput, LongFieldsAndNamesAreRefused) {
  const auto rename = [&](std::size_t length) {
    return write("PATCH", "/agents/" + agent, "{\"name\":\"" + std::string(length, 'n') + "\"}");
  };
  expect_problem(rename(10'000), 422, {"/name"});
  expect_problem(rename(100'000), 413, {"16384"});
  expect_problem(raw("GET / HTTP/1.1\r\nHost: a\r\nX-Long: " + std::string(20'000, 'x') + "\r\n\r\n"), 431);
}

TEST_F(BadInput, BadIdsFindNothing) {
  for (const char* id : {"agt_", "agt_nobody000000", "usr_000000000000", "%00", "..%2f..%2fetc", "a%20b",
                         "agt_%F0%9F%98%80", "*", "agt_1;DROP%20TABLE%20agents", "agt_' OR 1=1"}) {
    const auto got = raw(std::string("GET /agents/") + id + " HTTP/1.1\r\nHost: a\r\n" + session.first +
                         ": " + session.second + "\r\n\r\n");
    EXPECT_THAT(got.status, testing::AnyOf(404, 400)) << id << got.body;
  }
  EXPECT_EQ(write("DELETE", "/agents/agt_nobody000000", "").status, 404);
}

TEST_F(BadInput, QueriesAreCheckedAndNamed) {
  const auto get = [](const std::string& target) { return running->ask("GET", target, {session}); };
  expect_problem(get("/agents?page=0"), 422, {"page"});
  expect_problem(get("/agents?limit=1e9"), 422, {"limit"});
  expect_problem(get("/agents?limit=1000000000"), 422, {"limit"});
  expect_problem(get("/agents?limit=0"), 422, {"limit"});
  expect_problem(get("/agents?page=-1"), 422, {"page"});
  expect_problem(get("/agents?page=99999999999999999999"), 422, {"page"});
  expect_problem(get("/agents?page=1&page=2"), 422, {"page"});
  expect_problem(get("/agents?colour=red"), 422, {"colour"});
  expect_problem(get("/agents?status=flying"), 422, {"status"});
  expect_problem(get("/agents?page=0&limit=0"), 422, {"page", "limit"});
  expect_problem(running->ask("GET", "/marketplace/listings?page=x"), 422, {"page"});
}

TEST_F(BadInput, InvalidUtf8IsRefused) {
  expect_problem(write("PATCH", "/agents/" + agent, "{\"name\":\"\xff\xfe\"}"), 400);
  expect_problem(write("PATCH", "/agents/" + agent, "{\"name\":\"\\ud800\"}"), 400);
  expect_problem(running->ask("GET", "/marketplace/listings?q=%ff"), 400);
}

TEST_F(BadInput, BadConditionsWriteNothing) {
  const auto patch = [](const std::string& tag_sent) {
    return write("PATCH", "/agents/" + agent, R"({"name":"never"})", {{"If-Match", tag_sent}});
  };
  expect_problem(patch("\"99-0000000000000000\""), 412);
  expect_problem(patch("W/" + tag), 412);
  expect_problem(patch("not a tag"), 400);
  expect_problem(patch("\"open"), 400);
}

TEST_F(BadInput, UnknownMethodsPathsAndTypes) {
  expect_problem(raw("BREW /agents HTTP/1.1\r\nHost: a\r\n\r\n"), 501);
  const auto wrong = running->ask("PUT", "/agents/" + agent, {session}, "{}");
  expect_problem(wrong, 405);
  EXPECT_THAT(wrong.field("allow"), HasSubstr("PATCH"));
  expect_problem(running->ask("GET", "/nowhere"), 404);
  expect_problem(write("PATCH", "/agents/" + agent, "name=x", {{"Content-Type", "text/plain"}}), 415);
  expect_problem(running->ask("GET", "/agents/" + agent, {session, {"Accept", "image/png"}}), 406);
}

TEST_F(BadInput, WhatIsNoHttpIsRefusedAndTheConnectionClosed) {
  for (const std::string bytes :
       {"\r\n\r\n\x01\x02\x03\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/9.9\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost : a\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\n X: folded\r\n\r\n",
        "GET nowhere HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST /agents HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
        "POST /agents HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        "POST /agents HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nTransfer-Encoding: "
        "chunked\r\n\r\n0\r\n\r\n",
        "POST /agents HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n"}) {
    connection to(running->port());
    to.send(bytes);
    const auto got = to.receive();
    ASSERT_TRUE(got) << bytes;
    EXPECT_THAT(got->status, testing::AnyOf(400, 401, 501, 505)) << bytes;
    EXPECT_TRUE(to.closed_within(10s)) << bytes;
  }
}

TEST_F(BadInput, AHalfSentRequestIsEndedInTime) {
  connection head(running->port());
  head.send("GET /agents HTTP/1.1\r\nHost: a\r\nX-");
  connection body(running->port());
  body.send("POST /agents HTTP/1.1\r\nHost: a\r\n" + session.first + ": " + session.second +
            "\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{\"name\":\"half");
  const auto late_head = head.receive();
  const auto late_body = body.receive();
  ASSERT_TRUE(late_head);
  ASSERT_TRUE(late_body);
  EXPECT_EQ(late_head->status, 408);
  EXPECT_EQ(late_body->status, 408);
  EXPECT_TRUE(head.closed_within(10s));
  EXPECT_TRUE(body.closed_within(10s));
  connection silent(running->port());
  EXPECT_TRUE(silent.closed_within(20s));
}

TEST_F(BadInput, AClientThatGoesAwayMidRequestHarmsNobody) {
  for (int i = 0; i < 20; ++i) {
    connection gone(running->port());
    gone.send("POST /agents HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n{\"na");
  }
  for (int i = 0; i < 20; ++i) {
    connection gone(running->port());
    gone.send("GET /marketplace/listings?limit=100 HTTP/1.1\r\nHost: a\r\n\r\n");
  }
}

TEST_F(BadInput, ASlowClientHoldsUpNobodyElse) {
  connection slow(running->port());
  const std::string request = "GET /marketplace/listings HTTP/1.1\r\nHost: a\r\n\r\n";
  for (const char each : request.substr(0, 10)) {
    slow.send(std::string(1, each));
    const auto begun = clock::now();
    EXPECT_EQ(running->ask("GET", "/marketplace/listings").status, 200);
    EXPECT_LT(clock::now() - begun, 5s);
  }
  const auto late = slow.receive();
  if (late) {
    EXPECT_EQ(late->status, 408);
  }
}

TEST_F(BadInput, TheAdminListenerIsAsStrict) {
  const auto post = [](const std::string& body) {
    return running->ask_admin("POST", "/cache/invalidate", body);
  };
  expect_problem(post("{\"keys\":"), 400, {"line 1"});
  expect_problem(post(R"({"kyes":["a"]})"), 422, {"/kyes"});
  expect_problem(post(R"({"keys":[7]})"), 422, {"/keys/0"});
  expect_problem(running->ask_admin("GET", "/cache/explain"), 422, {"key"});
  expect_problem(running->ask_admin("GET", "/nowhere"), 404);
  expect_problem(running->ask_admin("DELETE", "/metrics"), 405);
}

TEST_F(BadInput, FieldsInDoubtCostNoAnswer) {
  for (const char* accept : {"text/plain;version=0.0.4", "text/plain;version=1.0.0;q=0.5, */*;q=0.1",
                             "text/plain; q=0.5; ext=1", "text/html, *; q=.2"}) {
    EXPECT_EQ(ask(running->admin_port(), "GET", "/metrics", {{"Accept", accept}}).status, 200) << accept;
  }
  for (const char* accept : {"application/json; q=0.5; ext=1", "application/json;version=2", "nonsense"}) {
    EXPECT_EQ(running->ask("GET", "/marketplace/listings", {{"Accept", accept}}).status, 200) << accept;
  }
  EXPECT_EQ(running->ask("GET", "/marketplace/listings", {{"Accept", "text/html"}}).status, 406);
  for (const std::string& sent : {std::string("abc"), std::string(), tag + "-gzip", "w/" + tag}) {
    const auto got = running->ask("GET", "/agents/" + agent, {session, {"If-None-Match", sent}});
    EXPECT_EQ(got.status, 200) << sent;
  }
  EXPECT_EQ(running->ask("GET", "/agents/" + agent, {session, {"If-None-Match", tag}}).status, 304);
}

TEST_F(BadInput, ABodyWithAContentCodingIsRefusedAndTheCodingNamed) {
  const auto coded =
      write("PATCH", "/agents/" + agent, R"({"name":"never"})", {{"Content-Encoding", "gzip"}});
  expect_problem(coded, 415, {"Content-Encoding"});
  EXPECT_EQ(coded.field("accept-encoding"), "identity");
}

}  // namespace
}  // namespace strata::system_test
