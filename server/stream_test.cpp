// Responses whose body is sent piece by piece, over real sockets. No test sleeps.

#include "server/body_stream.hpp"
#include "server/server.hpp"
#include "server/test_support.hpp"

#include <strata/task.hpp>

#include <mutex>
#include <thread>

#include <gtest/gtest.h>

namespace strata::server {
namespace {

using namespace std::chrono_literals;
using testing::client;

/// A server whose GET /pieces streams the pieces of the test.
class streaming_server {
 public:
  explicit streaming_server(server_options options = {}) : it_(with(std::move(options)), routes()) {
    it_.start();
  }

  server& it() { return it_; }
  client connect() { return client(it_.port()); }
  /// A client whose stream has started.
  client listen() {
    auto made = connect();
    const auto head = made.get("/pieces");
    EXPECT_EQ(head.status, 200);
    EXPECT_TRUE(made.receive_until("begun\n"));
    return made;
  }
  std::shared_ptr<body_stream> last() {
    const std::lock_guard lock(mutex_);
    return last_.lock();
  }
  bool send(std::string_view piece) {
    const auto to = last();
    return to != nullptr && to->send(piece);
  }
  /// Returns when the stream of the last listener has ended.
  void wait_until_gone() {
    while (last() != nullptr) std::this_thread::yield();
  }

 private:
  static server_options with(server_options options) {
    options.threads = 1;
    options.drain_timeout = 10s;
    return options;
  }
  router routes() {
    router made;
    made.group().get("/pieces",
                     [this](request&) -> task<response> {
                       response out;
                       out.content_type = "text/plain";
                       out.stream = std::make_shared<body_stream>("idle\n", 1u << 20);
                       out.stream->send("begun\n");
                       const std::lock_guard lock(mutex_);
                       last_ = out.stream;
                       return out;
                     },
                     {.produces = ""});
    return made;
  }

  std::mutex mutex_;
  std::weak_ptr<body_stream> last_;
  server it_;
};

TEST(Stream, SendsPiecesAsTheyComeAndEndsWithTheConnection) {
  streaming_server here;
  auto to = here.connect();
  const auto head = to.get("/pieces", "Accept-Encoding: gzip\r\n");
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.field("Content-Type"), "text/plain");
  EXPECT_EQ(head.field("Connection"), "close");
  EXPECT_EQ(head.field("Content-Length"), "");
  EXPECT_EQ(head.field("Cache-Control"), "no-store");
  EXPECT_TRUE(to.receive_until("begun\n"));
  for (int i = 0; i < 100; ++i) {
    const auto piece = "piece " + std::to_string(i) + "\n";
    ASSERT_TRUE(here.send(piece));
    ASSERT_TRUE(to.receive_until(piece));
  }
  here.last()->send("the last");
  here.last()->end();
  EXPECT_TRUE(to.receive_until("the last"));
  EXPECT_TRUE(to.ends());
  here.wait_until_gone();
}

TEST(Stream, TakesPiecesFromAnyThread) {
  streaming_server here;
  auto to = here.listen();
  std::vector<std::thread> senders;
  for (int each = 0; each < 4; ++each) {
    senders.emplace_back([&] {
      for (int i = 0; i < 1000; ++i) here.send("x");
    });
  }
  for (auto& each : senders) each.join();
  here.send("done");
  std::string all;
  EXPECT_TRUE(to.receive_until("done", &all));
  EXPECT_EQ(all, std::string(4000, 'x') + "done");
}

TEST(Stream, EndsWithItsClient) {
  streaming_server here;
  auto to = here.listen();
  to.close();
  here.wait_until_gone();
  EXPECT_FALSE(here.send("late"));
  while (here.it().stats().connections_open != 0) std::this_thread::yield();
}

TEST(Stream, IsNotStartedForAHeadRequest) {
  streaming_server here;
  auto to = here.connect();
  to.send("HEAD /pieces HTTP/1.1\r\nHost: test\r\n\r\n");
  EXPECT_EQ(to.receive(true).status, 200);
  EXPECT_TRUE(to.ends());
  EXPECT_EQ(here.last(), nullptr);
}

TEST(Stream, CutsOffAClientThatDoesNotRead) {
  streaming_server here({.write_timeout = 100ms});
  auto to = here.listen();
  const std::string much(64 << 10, 'x');
  while (here.send(much)) std::this_thread::yield();
  here.wait_until_gone();
  EXPECT_TRUE(to.ends());
}

TEST(Stream, SendsAHeartbeatWhenNothingHappens) {
  streaming_server here({.stream_idle = 50ms});
  auto to = here.listen();
  EXPECT_TRUE(to.receive_until("idle\n"));
  EXPECT_TRUE(to.receive_until("idle\n"));
  here.send("something\n");
  EXPECT_TRUE(to.receive_until("something\n"));
}

TEST(Stream, DoesNotHoldUpAServerThatStops) {
  streaming_server here;
  auto to = here.listen();
  auto other = here.listen();
  EXPECT_TRUE(here.it().stop()) << "it was cut";
  EXPECT_TRUE(to.ends());
  EXPECT_TRUE(other.ends());
  EXPECT_FALSE(here.send("late"));
}

TEST(Stream, DiscardsWhatItsClientSends) {
  streaming_server here;
  auto to = here.listen();
  to.send("GET /pieces HTTP/1.1\r\nHost: test\r\n\r\n");
  here.send("still the first\n");
  EXPECT_TRUE(to.receive_until("still the first\n"));
}

}  // namespace
}  // namespace strata::server
