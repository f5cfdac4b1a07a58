/// A request that another parser could cut elsewhere ends its connection, and no byte behind it is a request.

#include "server/test_support.hpp"

#include <server/server.hpp>

#include <atomic>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace strata::server {
namespace {

using testing::client;

/// Counts the requests that reach a handler.
struct counting_server {
  counting_server() : it({.threads = 1}, routes()) { it.start(); }
  router routes() {
    router made;
    auto all = made.group();
    all.get("/seen", [this](request&) -> task<response> { return seen(); });
    all.post("/seen", [this](request&) -> task<response> { return seen(); }, {.consumes = {}});
    return made;
  }
  response seen() {
    ++count;
    return json(200, "{}");
  }

  std::atomic<int> count{0};
  server it;
};

const std::string hidden = "GET /seen HTTP/1.1\r\nHost: hidden\r\n\r\n";

struct attack {
  std::string name;
  std::string text;
};

std::vector<attack> attacks() {
  const std::string post = "POST /seen HTTP/1.1\r\nHost: a\r\n";
  const std::string chunked = post + "Transfer-Encoding: chunked\r\n\r\n";
  return {
      {"both framing fields", post + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
      {"both, the other way", post + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"},
      {"two lengths", post + "Content-Length: 0\r\nContent-Length: 44\r\n\r\n"},
      {"two equal lengths", post + "Content-Length: 0\r\nContent-Length: 0\r\n\r\n"},
      {"a list of lengths", post + "Content-Length: 0, 44\r\n\r\n"},
      {"a length with a sign", post + "Content-Length: +0\r\n\r\n"},
      {"a hexadecimal length", post + "Content-Length: 0x0\r\n\r\n"},
      {"a length with a space before the colon", post + "Content-Length : 44\r\n\r\n"},
      {"a length of nothing", post + "Content-Length:\r\n\r\n"},
      {"a length that overflows", post + "Content-Length: 18446744073709551616\r\n\r\n"},
      {"two codings", post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n"},
      {"a list of codings", post + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n"},
      {"gzip before chunked", post + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"},
      {"an unknown coding", post + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"},
      {"a quoted coding", post + "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n"},
      {"a coding with a vertical tab", post + "Transfer-Encoding: \x0b"
                                              "chunked\r\n\r\n0\r\n\r\n"},
      {"a coding with a space before the colon", post + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n"},
      {"a folded coding", post + "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n"},
      {"chunked in HTTP/1.0",
       "POST /seen HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
      {"a folded field", post + "X: 1\r\n Content-Length: 44\r\n\r\n"},
      {"a field line that begins with a space", "POST /seen HTTP/1.1\r\n Host: a\r\n\r\n"},
      {"a line that ends in LF", "POST /seen HTTP/1.1\r\nHost: a\nContent-Length: 44\r\n\r\n"},
      {"a head that ends in LF", "POST /seen HTTP/1.1\r\nHost: a\r\n\n"},
      {"a CR inside a value", post + "X: 1\rContent-Length: 44\r\n\r\n"},
      {"a CR CR LF", post + "X: 1\r\r\n\r\n"},
      {"a NUL inside a value", post + std::string("X: 1\0\r\n\r\n", 10)},
      {"a name with a control character", post + "Content-Length\x01: 44\r\n\r\n"},
      {"no Host", "POST /seen HTTP/1.1\r\n\r\n"},
      {"two Hosts", post + "Host: b\r\n\r\n"},
      {"a Host with a slash", "POST /seen HTTP/1.1\r\nHost: a/b\r\n\r\n"},
      {"a target with a space", "POST /seen x HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"a request line with a tab", "POST\t/seen HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"HTTP/0.9", "GET /seen\r\n"},
      {"a chunk size with a sign", chunked + "+0\r\n\r\n"},
      {"a chunk size in another notation", chunked + "0x0\r\n\r\n"},
      {"a chunk size with a space", chunked + "0 \r\n\r\n"},
      {"a chunk size that overflows", chunked + "10000000000000000\r\n\r\n"},
      {"an empty chunk size", chunked + "\r\n\r\n"},
      {"a chunk size that ends in LF", chunked + "0\n\r\n"},
      {"a chunk that ends in LF", chunked + "1\r\nx\n0\r\n\r\n"},
      {"a chunk longer than its size", chunked + "1\r\nxy\r\n0\r\n\r\n"},
      {"a chunk extension with a CR", chunked + "0;a\rb\r\n\r\n"},
      {"a trailer that ends in LF", chunked + "0\r\nX: 1\n\r\n"},
      {"a folded trailer", chunked + "0\r\nX: 1\r\n Y: 2\r\n\r\n"},
  };
}

TEST(Smuggling, EndsTheConnectionBeforeAHiddenRequest) {
  counting_server here;
  for (const auto& each : attacks()) {
    client with(here.it.port());
    with.send(each.text + hidden);
    const auto got = with.receive();
    EXPECT_TRUE(got.status == 400 || got.status == 501 || got.status == 505)
        << each.name << ": " << got.status;
    EXPECT_EQ(got.field("Connection"), "close") << each.name;
    EXPECT_EQ(with.receive().status, 0) << each.name << ": the hidden request was answered";
    EXPECT_EQ(here.count.load(), 0) << each.name;
    here.count = 0;
  }
}

TEST(Smuggling, ABodyIsNoRequest) {
  counting_server here;
  client with(here.it.port());
  const auto size = std::to_string(hidden.size());
  with.send("POST /seen HTTP/1.1\r\nHost: a\r\nContent-Length: " + size + "\r\n\r\n" + hidden);
  with.send(
      "POST /seen HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
      "20\r\n" +
      hidden.substr(0, 0x20) + "\r\n0\r\nX: 1\r\n\r\n");
  with.send("GET /seen HTTP/1.1\r\nHost: a\r\nContent-Length: " + size + "\r\n\r\n" + hidden);
  with.send("GET /seen HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  for (int i = 0; i < 4; ++i) EXPECT_EQ(with.receive().status, 200) << i;
  EXPECT_EQ(with.receive().status, 0);
  EXPECT_EQ(here.count.load(), 4);
}

}  // namespace
}  // namespace strata::server
