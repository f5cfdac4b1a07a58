// Long because every test drives a server over sockets, and all share its routes.

#include "server/server.hpp"

#include "server/test_support.hpp"

#include <strata/error.hpp>

#include <atomic>
#include <future>
#include <mutex>
#include <set>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace strata::server {
namespace {

using namespace std::chrono_literals;
using testing::client;
using ::testing::HasSubstr;

std::shared_ptr<const representation> page(std::size_t size) {
  return std::make_shared<const representation>(std::string(size, 'x'), static_text("application/json"),
                                                "\"v1\"");
}

/// Routes that return the request as the handler saw it.
router echo_routes() {
  router routes;
  auto all = routes.group();
  all.get("/page", [answer = page(1200)](request&) -> task<response> { return ok(answer); },
          {.cache_control = "private, max-age=60"});
  all.get("/large", [answer = page(3 << 20)](request&) -> task<response> { return ok(answer); });
  all.get("/echo/{id}", [](request& r) -> task<response> {
    std::string text(r.path_parameter("id"));
    for (const auto& each : r.query()) text.append("|").append(each.name).append("=").append(each.value);
    return json(200, std::move(text));
  });
  all.post("/echo", [](request& r) -> task<response> { return json(200, std::string(r.body())); },
           {.consumes = {}});
  all.get("/throws", [](request&) -> task<response> { throw std::runtime_error("the secret of the house"); });
  all.get("/throws-later", [](request&) -> task<response> {
    throw std::runtime_error("later");
    co_return no_content();
  });
  all.get("/coroutine", [](request& r) -> task<response> { co_return json(200, std::string(r.target())); });
  return routes;
}

server_options quick() {
  server_options options;
  options.threads = 2;
  options.drain_timeout = 2s;
  return options;
}

/// A running server with `routes`.
struct running {
  explicit running(server_options options = quick(), router routes = echo_routes())
      : it(std::move(options), std::move(routes)) {
    it.start();
  }
  client connect() { return client(it.port()); }
  server it;
};

TEST(Server, AnswersAGet) {
  running here;
  auto with = here.connect();
  const auto got = with.get("/page");
  EXPECT_EQ(got.status, 200);
  EXPECT_EQ(got.body, std::string(1200, 'x'));
  EXPECT_EQ(got.field("ETag"), "\"v1\"");
  EXPECT_EQ(got.field("Cache-Control"), "private, max-age=60");
  EXPECT_EQ(got.field("X-Content-Type-Options"), "nosniff");
  EXPECT_EQ(got.field("X-Request-Id").size(), 16u);
  EXPECT_EQ(got.field("Date").size(), 29u);
}

TEST(Server, KeepsAConnectionForManyRequests) {
  running here;
  auto with = here.connect();
  for (int i = 0; i < 100; ++i) EXPECT_EQ(with.get("/echo/" + std::to_string(i)).body, std::to_string(i));
  EXPECT_EQ(here.it.stats().connections_accepted, 1u);
  EXPECT_EQ(here.it.stats().responses[2], 100u);
}

TEST(Server, AnswersPipelinedRequestsInOrderThoughSomeWait) {
  running here;
  auto with = here.connect();
  std::string many;
  for (int i = 0; i < 300; ++i) {
    const std::string target = i % 3 == 0 ? "/coroutine?" : i % 3 == 1 ? "/echo/" : "/page?";
    many += "GET " + target + std::to_string(i) + " HTTP/1.1\r\nHost: a\r\n\r\n";
  }
  with.send(many);
  for (int i = 0; i < 300; ++i) {
    const auto got = with.receive();
    ASSERT_EQ(got.status, 200);
    if (i % 3 == 0) ASSERT_EQ(got.body, "/coroutine?" + std::to_string(i));
    if (i % 3 == 1) ASSERT_EQ(got.body, std::to_string(i));
  }
}

TEST(Server, ReadsARequestThatComesByteByByte) {
  running here;
  auto with = here.connect();
  for (const char c : std::string_view("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello")) {
    ASSERT_TRUE(with.send({&c, 1}));
  }
  EXPECT_EQ(with.receive().body, "hello");
}

TEST(Server, ReadsABodyLargerThanItsFirstBuffer) {
  running here;
  auto with = here.connect();
  std::string body;
  for (int i = 0; body.size() < (1u << 20) - 10; ++i) body += std::to_string(i) + ",";
  body.resize(1u << 20);
  with.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1048576\r\n\r\n");
  with.send(body);
  EXPECT_EQ(with.receive().body, body);
  EXPECT_EQ(with.get("/echo/after").body, "after");
}

TEST(Server, ReadsAChunkedBodyAndTheRequestBehindIt) {
  running here;
  auto with = here.connect();
  with.send(
      "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
      "5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nTrailer: x\r\n\r\nGET /echo/next HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(with.receive().body, "hello world");
  EXPECT_EQ(with.receive().body, "next");
}

TEST(Server, ReadsALargeChunkedBodyPieceByPiece) {
  running here;
  auto with = here.connect();
  with.send("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
  std::string expected;
  for (int i = 0; i < 200; ++i) {
    const std::string piece(1000 + i, static_cast<char>('a' + i % 26));
    char size[16];
    std::snprintf(size, sizeof size, "%zx\r\n", piece.size());
    with.send(size + piece + "\r\n");
    expected += piece;
  }
  with.send("0\r\n\r\n");
  EXPECT_EQ(with.receive().body, expected);
}

TEST(Server, SendsContinueWhenAskedTo) {
  running here;
  auto with = here.connect();
  with.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(with.receive().status, 100);
  with.send("ok");
  EXPECT_EQ(with.receive().body, "ok");
}

TEST(Server, RefusesABodyThatIsTooLargeBeforeReadingIt) {
  running here;
  auto with = here.connect();
  with.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1048577\r\nExpect: 100-continue\r\n\r\n");
  const auto got = with.receive();
  EXPECT_EQ(got.status, 413);
  EXPECT_EQ(got.field("Content-Type"), "application/problem+json");
  EXPECT_EQ(got.field("Connection"), "close");
  with.end_sending();
  EXPECT_TRUE(with.ends());
}

TEST(Server, RefusesAChunkedBodyThatGrowsTooLarge) {
  auto options = quick();
  options.max_body = {10'000};
  running here(std::move(options));
  auto with = here.connect();
  with.send("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
  for (int i = 0; i < 20; ++i) with.send("3e8\r\n" + std::string(1000, 'x') + "\r\n");
  EXPECT_EQ(with.receive().status, 413);
}

TEST(Server, DeliversARefusalThoughTheClientIsStillSending) {
  running here;
  auto with = here.connect();
  with.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3000000\r\n\r\n");
  with.send(std::string(2'900'000, 'x'));  // closing at once would reset the connection and lose the response
  EXPECT_EQ(with.receive().status, 413);
}

TEST(Server, RefusesAHeadThatIsTooLarge) {
  running here;
  auto with = here.connect();
  with.send("GET /page HTTP/1.1\r\nHost: a\r\nX-Large: " + std::string(17'000, 'x') + "\r\n\r\n");
  EXPECT_EQ(with.receive().status, 431);
  auto other = here.connect();
  other.send("GET /" + std::string(9'000, 'x') + " HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(other.receive().status, 414);
}

TEST(Server, AnswersAMalformedRequestWithAProblemAndCloses) {
  running here;
  for (const std::string_view bad : {
           "GET /page\r\n\r\n",
           "GET /page HTTP/1.1\r\n\r\n",
           "GET /page HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
           "GET /page HTTP/1.1\nHost: a\n\n",
           "GET /page HTTP/1.1\r\nHost: a\r\nX: 1\r\n folded\r\n\r\n",
           "GET /page HTTP/1.1\r\nHost: a\r\nX : 1\r\n\r\n",
           "GET /page HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n",
           "GET /page HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: "
           "chunked\r\n\r\n0\r\n\r\n",
           "GET /page HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
           "GET /page HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\nx",
           "GET /page HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
           "GET /page HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxx",
           "GET http:// HTTP/1.1\r\nHost: a\r\n\r\n",
           "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n",
           "\x16\x03\x01\x02\x00\x01\x00\r\n\r\n",
       }) {
    auto with = here.connect();
    with.send(bad);
    const auto got = with.receive();
    EXPECT_EQ(got.status, 400) << bad;
    EXPECT_EQ(got.field("Content-Type"), "application/problem+json") << bad;
    EXPECT_THAT(got.body, HasSubstr("\"status\":400,\"detail\":")) << bad;
    EXPECT_EQ(got.field("Connection"), "close") << bad;
    with.end_sending();
    EXPECT_TRUE(with.ends()) << bad;
  }
  EXPECT_EQ(here.connect().get("/page").status, 200);
}

TEST(Server, RefusesWhatIsWellFormedButNotServed) {
  running here;
  EXPECT_EQ(here.connect().get("/nowhere").status, 404);
  EXPECT_EQ(here.connect().get("/echo/%zz").status, 400);
  EXPECT_EQ(here.connect().get("/echo/%ff").status, 400);
  EXPECT_EQ(here.connect().get("/echo/..").status, 400);
  EXPECT_EQ(here.connect().get("/echo/a?x=%00").status, 400);
  auto with = here.connect();
  with.send("BREW /page HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(with.receive().status, 501);
  with.send("DELETE /page HTTP/1.1\r\nHost: a\r\n\r\n");
  const auto got = with.receive();
  EXPECT_EQ(got.status, 405);
  EXPECT_EQ(got.field("Allow"), "GET, HEAD, OPTIONS");
  with.send("GET /page HTTP/2.0\r\nHost: a\r\n\r\n");
  EXPECT_EQ(with.receive().status, 505);
}

TEST(Server, DecodesPathAndQueryApart) {
  running here;
  EXPECT_EQ(here.connect().get("/echo/a%2Fb?x=1%262&y=a+b&x=%C3%A9").body, "a/b|x=1&2|y=a b|x=\xC3\xA9");
}

TEST(Server, TakesTheAbsoluteForm) {
  running here;
  EXPECT_EQ(here.connect().get("http://example.org/echo/1?a=b").body, "1|a=b");
}

TEST(Server, HeadSendsTheLengthButNoBody) {
  running here;
  auto with = here.connect();
  with.send("HEAD /page HTTP/1.1\r\nHost: a\r\n\r\nGET /echo/x HTTP/1.1\r\nHost: a\r\n\r\n");
  const auto got = with.receive(true);
  EXPECT_EQ(got.status, 200);
  EXPECT_EQ(got.field("Content-Length"), "1200");
  EXPECT_EQ(with.receive().body, "x");
}

TEST(Server, ClosesAfterConnectionCloseAndHttp10) {
  running here;
  auto with = here.connect();
  EXPECT_EQ(with.get("/page", "Connection: close\r\n").field("Connection"), "close");
  EXPECT_TRUE(with.ends());
  auto old = here.connect();
  old.send("GET /echo/1 HTTP/1.0\r\n\r\n");
  EXPECT_EQ(old.receive().body, "1");
  EXPECT_TRUE(old.ends());
  auto kept = here.connect();
  kept.send("GET /echo/1 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_EQ(kept.receive().field("Connection"), "keep-alive");
  EXPECT_EQ(kept.get("/echo/2").body, "2");
}

TEST(Server, SendsALargeBodyToASlowReader) {
  running here;
  auto with = here.connect();
  with.send(
      "GET /large HTTP/1.1\r\nHost: a\r\n\r\nGET /large HTTP/1.1\r\nHost: a\r\n\r\nGET /echo/1 "
      "HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(with.receive().body.size(), 3u << 20);
  EXPECT_EQ(with.receive().body.size(), 3u << 20);
  EXPECT_EQ(with.receive().body, "1");
}

TEST(Server, RepeatsAnAcceptableRequestIdAndReplacesAnother) {
  running here;
  auto with = here.connect();
  EXPECT_EQ(with.get("/page", "X-Request-Id: trace-1\r\n").field("X-Request-Id"), "trace-1");
  EXPECT_EQ(with.get("/page", "X-Request-Id: two words\r\n").field("X-Request-Id").size(), 16u);
  EXPECT_EQ(with.get("/page", "X-Request-Id: " + std::string(129, 'x') + "\r\n").field("X-Request-Id").size(),
            16u);
}

TEST(Server, AHandlersExceptionIsA500ThatRevealsNothing) {
  auto options = quick();
  std::mutex mutex;
  std::string logged;
  options.error_log = [&](std::string_view line) {
    const std::lock_guard lock(mutex);
    logged += line;
  };
  running here(std::move(options));
  auto with = here.connect();
  const auto got = with.get("/throws");
  EXPECT_EQ(got.status, 500);
  EXPECT_THAT(got.body, ::testing::Not(HasSubstr("secret")));
  EXPECT_EQ(with.get("/throws-later").status, 500);
  EXPECT_EQ(with.get("/echo/1").status, 200);
  const std::lock_guard lock(mutex);
  EXPECT_THAT(logged, HasSubstr("the secret of the house"));
  EXPECT_THAT(logged, HasSubstr("GET /throws-later ["));
}

TEST(Server, WritesTheAccessLog) {
  auto options = quick();
  std::mutex mutex;
  std::vector<std::string> lines;
  options.access_log = [&](const access_record& of) {
    const std::lock_guard lock(mutex);
    lines.push_back(std::string(of.method) + ' ' + std::string(of.target) + ' ' + std::string(of.route) +
                    ' ' + std::to_string(of.status) + ' ' + std::string(of.peer) + ' ' +
                    std::string(of.request_id));
  };
  running here(std::move(options));
  here.connect().get("/echo/7?a", "X-Request-Id: r1\r\n");
  const std::lock_guard lock(mutex);
  EXPECT_THAT(lines, ::testing::ElementsAre("GET /echo/7?a /echo/{id} 200 127.0.0.1 r1"));
}

TEST(Server, ServesManyConnectionsAtOnce) {
  running here;
  std::vector<client> many;
  for (int i = 0; i < 200; ++i) many.push_back(here.connect());
  for (auto& each : many) each.send("GET /page HTTP/1.1\r\nHost: a\r\n\r\n");
  for (auto& each : many) EXPECT_EQ(each.receive().status, 200);
  EXPECT_EQ(here.it.stats().connections_open, 200u);
}

TEST(Server, RefusesMoreConnectionsThanItsLimitIfNoneIsIdle) {
  auto options = quick();
  options.max_connections = 2;
  options.max_connections_per_address = 2;
  running here(std::move(options));
  auto one = here.connect();
  auto two = here.connect();
  EXPECT_EQ(one.get("/page").status, 200);
  EXPECT_EQ(two.get("/page").status, 200);
  for (auto* each : {&one, &two}) {
    each->send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
    EXPECT_EQ(each->receive().status, 100);
  }
  EXPECT_EQ(here.connect().receive().status, 503);
  EXPECT_EQ(here.it.stats().connections_refused, 1u);
}

TEST(Server, ClosesTheLongestIdleConnectionForANewOne) {
  auto options = quick();
  options.threads = 1;  // so that one connection is idle before the next request is read
  options.max_connections = 3;
  options.max_connections_per_address = 3;
  running here(std::move(options));
  auto first = here.connect();
  EXPECT_EQ(first.get("/page").status, 200);
  auto second = here.connect();
  EXPECT_EQ(second.get("/page").status, 200);
  auto third = here.connect();
  EXPECT_EQ(third.get("/page").status, 200);
  EXPECT_EQ(first.get("/page").status, 200);  // so the second has been idle longest
  auto fourth = here.connect();
  EXPECT_EQ(fourth.get("/page").status, 200);
  EXPECT_TRUE(second.ends());
  EXPECT_EQ(first.get("/page").status, 200);
  EXPECT_EQ(third.get("/page").status, 200);
  EXPECT_EQ(here.it.stats().connections_displaced, 1u);
}

TEST(Server, LeavesRoomForOtherAddresses) {
  auto options = quick();
  options.threads = 1;
  options.max_connections = 6;
  running here(std::move(options));
  std::vector<client> greedy;
  for (int i = 0; i < 12; ++i) {
    greedy.emplace_back(here.it.port(), 2);
    EXPECT_EQ(greedy.back().get("/page").status, 200);
  }
  EXPECT_EQ(here.it.stats().connections_open, 3u) << "one address has at most half";
  auto other = here.connect();
  EXPECT_EQ(other.get("/page").status, 200);
  client more(here.it.port(), 2);
  EXPECT_EQ(more.get("/page").status, 200);
  EXPECT_EQ(other.get("/page").status, 200) << "an address at its bound displaces its own connections";
}

/// Routes of which each counts its steps and its handler's runs.
struct counted_routes {
  std::atomic<int> steps = 0, handled = 0;
  bool refuses = false;
  bool waits = false;

  router make() {
    router routes;
    auto guarded = routes.group({[this](request&) -> task<std::optional<response>> {
      ++steps;
      if (waits) return later();
      return decided();
    }});
    guarded.post("/guarded", [this](request& r) -> task<response> {
      ++handled;
      return json(200, std::string(r.body()));
    });
    guarded.post("/short",
                 [this](request&) -> task<response> {
                   ++handled;
                   return no_content();
                 },
                 {.consumes = {}, .max_body = {10}});
    return routes;
  }
  std::optional<response> decided() const {
    return refuses ? std::optional(problem(401, "who are you?")) : std::nullopt;
  }
  task<std::optional<response>> later() {
    co_await go_on.wait();
    co_return decided();
  }
  async_latch go_on;
};

TEST(Server, DecidesAboutABodyFromTheHead) {
  counted_routes counted;
  counted.refuses = true;
  running here(quick(), counted.make());
  const auto answer_to = [&](std::string_view line, std::string_view fields) {
    auto with = here.connect();
    with.send(std::string(line) + " HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n" +
              std::string(fields) + "Content-Length: 1048576\r\n\r\n");
    const auto got = with.receive();
    EXPECT_EQ(got.field("Connection"), "close") << line;
    with.end_sending();
    EXPECT_TRUE(with.ends()) << line;
    return got.status;
  };
  for (const std::string_view fields : {"", "Expect: 100-continue\r\n"}) {
    EXPECT_EQ(answer_to("POST /nope", fields), 404);
    EXPECT_EQ(answer_to("PUT /guarded", fields), 405);
    EXPECT_EQ(answer_to("POST /guarded", fields), 401);
    EXPECT_EQ(answer_to("POST /short", fields), 413);
  }
  EXPECT_EQ(counted.handled, 0);
}

TEST(Server, LimitsABodyByItsRoute) {
  counted_routes counted;
  running here(quick(), counted.make());
  auto with = here.connect();
  with.send("POST /short HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\nhello world");
  EXPECT_EQ(with.receive().status, 413);
  with.send("POST /short HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhelloworld");
  EXPECT_EQ(with.receive().status, 204);
  with.send("POST /short HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nb\r\nhello world\r\n");
  EXPECT_EQ(with.receive().status, 413);
  EXPECT_EQ(counted.handled, 1);
}

TEST(Server, RefusesTheTypeOfABodyBeforeReadingIt) {
  counted_routes counted;
  running here(quick(), counted.make());
  auto with = here.connect();
  with.send(
      "POST /guarded HTTP/1.1\r\nHost: a\r\nContent-Type: text/csv\r\nContent-Length: 9\r\n"
      "Expect: 100-continue\r\n\r\n");
  EXPECT_EQ(with.receive().status, 415);
}

TEST(Server, KeepsAConnectionWhoseShortBodyIsNotWanted) {
  running here;
  auto with = here.connect();
  with.send("POST /nope HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n");
  EXPECT_EQ(with.receive().status, 404);
  with.send("hello");
  EXPECT_EQ(with.get("/echo/next").body, "next");
}

TEST(Server, ReadsABodyAfterAStepThatWaits) {
  for (const bool refuses : {false, true}) {
    counted_routes counted;
    counted.waits = true;
    counted.refuses = refuses;
    running here(quick(), counted.make());
    auto with = here.connect();
    with.send(
        "POST /guarded HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
        "Content-Length: 5\r\nExpect: 100-continue\r\n\r\n");
    counted.go_on.set();
    EXPECT_EQ(with.receive().status, refuses ? 401 : 100);
    if (refuses) continue;
    with.send("hello");
    EXPECT_EQ(with.receive().body, "hello");
    EXPECT_EQ(counted.steps, 1);
    EXPECT_EQ(counted.handled, 1);
  }
}

TEST(Server, SurvivesClientsThatVanish) {
  running here;
  for (int i = 0; i < 50; ++i) {
    auto with = here.connect();
    with.send(i % 2 == 0 ? "GET /large HTTP/1.1\r\nHost: a\r\n\r\n" : "GET /pa");
  }
  EXPECT_EQ(here.connect().get("/page").status, 200);
}

TEST(Server, BadOptionsNameEveryProblem) {
  server_options options;
  options.address = "nowhere";
  options.max_connections = 0;
  options.idle_timeout = 0s;
  try {
    const server refused(options, router());
    FAIL();
  } catch (const bad_options& wrong) {
    EXPECT_EQ(wrong.problems().size(), 3u);
  }
}

TEST(Server, DoesNotShareAPortWithAnotherServer) {
  running here;
  auto options = quick();
  options.port = here.it.port();
  server second(options, echo_routes());
  EXPECT_THROW(second.start(), std::system_error);
}

}  // namespace
}  // namespace strata::server
