// How the server treats clients and handlers that take too long, and how it stops. The limits are short and
// real; no test sleeps, each waits for the expected event.

#include "server/server.hpp"
#include "server/test_support.hpp"

#include <strata/task.hpp>

#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace strata::server {
namespace {

using namespace std::chrono_literals;
using testing::client;
using ::testing::HasSubstr;

server_options with(duration server_options::* limit, duration value) {
  server_options options;
  options.threads = 1;
  options.drain_timeout = 5s;
  options.*limit = value;
  return options;
}

/// A server whose handler at /wait ends when the test lets it.
struct waiting_server {
  explicit waiting_server(server_options options) : it(std::move(options), routes()) { it.start(); }
  router routes() {
    router made;
    auto all = made.group();
    all.get("/now", [](request&) -> task<response> { return json(200, "{}"); });
    all.get("/wait", [this](request&) -> task<response> {
      entered.set();
      co_await go_on.wait();
      co_return json(200, R"("waited")");
    });
    all.get("/large", [](request&) -> task<response> { return json(200, std::string(32 << 20, 'x')); });
    all.post("/body", [](request&) -> task<response> { return no_content(); }, {.consumes = {}});
    return made;
  }
  void wait_until_entered() {
    sync_wait([](async_latch& happens) -> task<> { co_await happens.wait(); }(entered));
  }
  client connect() { return client(it.port()); }

  async_latch entered;
  async_latch go_on;
  server it;
};

TEST(ServerTime, AHalfSentHeadIsAnswered408) {
  waiting_server here(with(&server_options::head_timeout, 50ms));
  auto slow = here.connect();
  slow.send("GET /now HTTP/1.1\r\nHost:");
  const auto got = slow.receive();
  EXPECT_EQ(got.status, 408);
  EXPECT_EQ(got.field("Connection"), "close");
  slow.end_sending();
  EXPECT_TRUE(slow.ends());
  EXPECT_EQ(here.it.stats().timeouts, 1u);
}

TEST(ServerTime, AClientThatSendsByteByByteForeverIsAnswered408) {
  auto options = with(&server_options::head_timeout, 50ms);
  options.max_head = {1u << 20};  // so that the time ends before the head is too long
  waiting_server here(options);
  auto slow = here.connect();
  slow.send("GET /now HTTP/1.1\r\nX: ");
  // One byte for each response to another client, so that on no machine the head is too large first.
  auto watcher = here.connect();
  while (here.it.stats().timeouts == 0) {
    slow.send("x");
    ASSERT_EQ(watcher.get("/now").status, 200);
  }
  EXPECT_EQ(slow.receive().status, 408);
}

TEST(ServerTime, AHalfSentBodyIsAnswered408) {
  waiting_server here(with(&server_options::body_timeout, 50ms));
  auto slow = here.connect();
  slow.send("POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf");
  const auto got = slow.receive();
  EXPECT_EQ(got.status, 408);
  EXPECT_THAT(got.body, HasSubstr("body"));
}

TEST(ServerTime, AnIdleConnectionIsClosedWithoutAResponse) {
  waiting_server here(with(&server_options::idle_timeout, 50ms));
  auto idle = here.connect();
  EXPECT_EQ(idle.get("/now").status, 200);
  EXPECT_EQ(idle.receive().status, 0);
  EXPECT_TRUE(idle.ends());
}

TEST(ServerTime, AClientThatReadsNothingIsCut) {
  waiting_server here(with(&server_options::write_timeout, 50ms));
  auto deaf = here.connect();
  deaf.send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n");
  auto watcher = here.connect();
  while (here.it.stats().timeouts == 0) ASSERT_EQ(watcher.get("/now").status, 200);
  EXPECT_EQ(deaf.receive().status, 0);
}

TEST(ServerTime, AnAnswerThatTakesTooLongIsA504AndMayStillEnd) {
  waiting_server here(with(&server_options::request_timeout, 50ms));
  auto with = here.connect();
  const auto got = with.get("/wait");
  EXPECT_EQ(got.status, 504);
  EXPECT_EQ(here.it.stats().in_flight, 1u);
  here.go_on.set();
  auto watcher = here.connect();
  while (here.it.stats().in_flight != 0) ASSERT_EQ(watcher.get("/now").status, 200);
}

TEST(ServerTime, DrainingFinishesRunningRequestsAndClosesTheRest) {
  waiting_server here(with(&server_options::idle_timeout, 60s));
  auto idle = here.connect();
  EXPECT_EQ(idle.get("/now").status, 200);
  auto busy = here.connect();
  busy.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
  here.wait_until_entered();
  here.it.drain();
  EXPECT_TRUE(idle.ends());
  here.go_on.set();
  const auto got = busy.receive();
  EXPECT_EQ(got.body, R"("waited")");
  EXPECT_EQ(got.field("Connection"), "close");
  EXPECT_TRUE(here.it.stop());
  EXPECT_FALSE(here.connect().connected());
}

TEST(ServerTime, StoppingCutsRequestsThatOutlastTheDrainTimeout) {
  waiting_server here(with(&server_options::drain_timeout, 50ms));
  auto busy = here.connect();
  busy.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
  here.wait_until_entered();
  EXPECT_FALSE(here.it.stop());
  EXPECT_EQ(busy.receive().status, 0);
  here.go_on.set();  // resumes on an executor that no longer runs: nothing may happen
}

TEST(ServerTime, AHandlerMayEndOnAnotherThread) {
  run_loop other;
  std::atomic<bool> ended = false;
  std::thread runs([&] { other.run_until([&] { return ended.load(); }); });
  router routes;
  routes.group().get("/away", [&](request& r) -> task<response> {
    std::string target(r.target());
    co_await resume_on{other};
    co_return json(200, std::move(target));
  });
  server it(with(&server_options::idle_timeout, 60s), std::move(routes));
  it.start();
  client with(it.port());
  for (int i = 0; i < 100; ++i) EXPECT_EQ(with.get("/away?" + std::to_string(i)).status, 200);
  it.stop();
  other.post([&] { ended = true; });
  runs.join();
}

TEST(ServerTime, StopsTwiceAndWithoutHavingStarted) {
  server never(with(&server_options::idle_timeout, 60s), router());
  EXPECT_TRUE(never.stop());
  EXPECT_TRUE(never.stop());
}

}  // namespace
}  // namespace strata::server
