#include "server/request_reader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

namespace strata::server {
namespace {

using namespace std::chrono_literals;
using state = request_reader::state;

struct RequestReader : testing::Test {
  server_options options{
      .max_head = {1024}, .max_body = {20'000}, .head_timeout = 1s, .body_timeout = 2s, .idle_timeout = 3s};
  body_budget bodies{1u << 20};
  request_reader reader{options, bodies};
  http::request_head head;

  /// Receives all of `bytes`, as far as there is room for it.
  void receive(std::string_view bytes) {
    const auto space = reader.space();
    ASSERT_LE(bytes.size(), space.size());
    std::memcpy(space.data(), bytes.data(), bytes.size());
    reader.received(bytes.size());
  }

  /// Receives `bytes` in pieces until a request is complete or refused. Wants every body.
  request_reader::read_step feed(std::string_view bytes, std::size_t piece) {
    request_reader::read_step step;
    while (step.state == state::incomplete && !bytes.empty()) {
      const auto size = std::min({piece, bytes.size(), reader.space().size()});
      receive(bytes.substr(0, size));
      bytes.remove_prefix(size);
      step = reader.next(head);
      if (step.state == state::head) {
        reader.read_body(options.max_body.count);
        step = reader.next(head);
      }
    }
    return step;
  }
};

TEST_F(RequestReader, CutsRequestsHoweverTheyArrive) {
  const std::string bytes =
      "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello"
      "PUT /b HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n";
  for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
    request_reader fresh(options, bodies);
    std::vector<std::string> seen;
    for (std::size_t at = 0, size = 0; at < bytes.size(); at += size) {
      size = std::min({piece, bytes.size() - at, fresh.space().size()});
      ASSERT_NE(size, 0u);
      std::memcpy(fresh.space().data(), bytes.data() + at, size);
      fresh.received(size);
      for (;;) {
        auto step = fresh.next(head);
        if (step.state == state::head) {
          fresh.read_body(options.max_body.count);
          step = fresh.next(head);
        }
        if (step.state != state::complete) break;
        seen.push_back(std::string(head.method) + ' ' + std::string(head.target) + ' ' +
                       std::string(fresh.body()));
        fresh.advance();
      }
    }
    ASSERT_THAT(seen, testing::ElementsAre("POST /a hello", "PUT /b onetwo")) << piece;
    ASSERT_TRUE(fresh.empty());
  }
}

TEST_F(RequestReader, KeepsALargeBodyWhole) {
  const std::string body(19'000, 'x');
  const auto step = feed("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 19000\r\n\r\n" + body, 1000);
  ASSERT_EQ(step.state, state::complete);
  EXPECT_EQ(reader.body(), body);
  EXPECT_EQ(head.method, "POST") << "the head's views stay valid while the body grows";
  EXPECT_GE(bodies.used(), body.size());
  reader.advance();
  EXPECT_EQ(bodies.used(), 0u);
}

TEST_F(RequestReader, LimitsTheTimeOfEachPart) {
  EXPECT_EQ(reader.next(head).time_limit, 3s) << "between requests";
  EXPECT_TRUE(reader.empty());
  receive("POST / HTTP/1.1\r\n");
  EXPECT_EQ(reader.next(head).time_limit, 1s);
  EXPECT_FALSE(reader.empty());
  EXPECT_FALSE(reader.in_body());
  receive("Host: h\r\n");
  EXPECT_EQ(reader.next(head).time_limit, 0s) << "more of a head does not restart its time";
  receive("Content-Length: 2\r\n\r\n");
  EXPECT_EQ(reader.next(head).state, state::head);
  reader.read_body(2);
  EXPECT_EQ(reader.next(head).time_limit, 2s);
  EXPECT_TRUE(reader.in_body());
  receive("a");
  EXPECT_EQ(reader.next(head).time_limit, 0s);
  receive("b");
  EXPECT_EQ(reader.next(head).state, state::complete);
}

TEST_F(RequestReader, KnowsWhetherTheClientWaitsToSendTheBody) {
  const std::string waits = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n";
  receive(waits);
  EXPECT_EQ(reader.next(head).state, state::head);
  EXPECT_TRUE(reader.expects_continue());
  EXPECT_FALSE(reader.can_skip_body());
  reader.read_body(2);
  EXPECT_EQ(reader.next(head).state, state::incomplete);
  EXPECT_EQ(reader.space().size(), 2u) << "no byte of the next request gets into the body";
  receive("ab");
  ASSERT_EQ(reader.next(head).state, state::complete);
  reader.advance();
  receive(waits + "a");
  EXPECT_EQ(reader.next(head).state, state::head);
  EXPECT_FALSE(reader.expects_continue());
}

TEST_F(RequestReader, DropsAShortBodyThatNobodyWants) {
  receive("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhel");
  ASSERT_EQ(reader.next(head).state, state::head);
  ASSERT_TRUE(reader.can_skip_body());
  reader.skip_body();
  EXPECT_EQ(reader.next(head).state, state::incomplete);
  EXPECT_FALSE(reader.empty());
  receive("loGET /b HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_EQ(reader.next(head).state, state::complete);
  EXPECT_EQ(head.target, "/b");
  EXPECT_EQ(reader.body(), "");
}

TEST_F(RequestReader, TakesMemoryForBodiesOnlyFromTheirBudget) {
  body_budget few{10'000};
  const std::string begin = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 8000\r\n\r\n";
  request_reader one(options, few);
  request_reader two(options, few);
  for (auto* each : {&one, &two}) {
    std::memcpy(each->space().data(), begin.data(), begin.size());
    each->received(begin.size());
    ASSERT_EQ(each->next(head).state, state::head);
    EXPECT_EQ(few.used(), each == &one ? 0u : 8000u) << "an announced length takes nothing";
    each->read_body(8000);
    const auto first = each->next(head);
    if (each == &two) {
      ASSERT_EQ(first.state, state::refused);
      EXPECT_EQ(each->refusal_status(), 503);
      break;
    }
    each->received(each->space().size());
    ASSERT_EQ(each->next(head).state, state::incomplete);
  }
  one.received(one.space().size());
  ASSERT_EQ(one.next(head).state, state::complete);
  one.advance();
  EXPECT_EQ(few.used(), 0u);
}

TEST_F(RequestReader, RefusesWhatIsTooLargeOrMalformed) {
  const std::pair<std::string, int> refused[] = {
      {"GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(2000, 'x') + "\r\n\r\n", 431},
      {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nfffff\r\n", 413},
      {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", 400},
      {"GET /\r\n\r\n", 400},
  };
  for (const auto& [bytes, status] : refused) {
    request_reader fresh(options, bodies);
    std::memcpy(fresh.space().data(), bytes.data(), bytes.size());
    fresh.received(bytes.size());
    auto step = fresh.next(head);
    if (step.state == state::head) {
      fresh.read_body(options.max_body.count);
      step = fresh.next(head);
    }
    ASSERT_EQ(step.state, state::refused) << bytes;
    EXPECT_EQ(fresh.refusal_status(), status) << bytes;
    EXPECT_FALSE(fresh.refusal_reason().empty());
  }
}

}  // namespace
}  // namespace strata::server
