#include "http/request_head.hpp"

#include <string>

#include <gtest/gtest.h>

namespace strata::http {
namespace {

using state = head_result::parse_status;

struct parsed {
  explicit parsed(std::string bytes, head_limits limits = {}) : text(std::move(bytes)) {
    result = parse_head(text, limits, head);
  }
  std::string text;
  request_head head;
  head_result result;
};

int refusal(const std::string& bytes, head_limits limits = {}) {
  const parsed got(bytes, limits);
  return got.result.state == state::refused ? got.result.status : 0;
}

std::string with(std::string_view fields) {
  return "GET / HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n";
}

TEST(RequestHead, IsTakenApartWithoutCopying) {
  const parsed got("GET /a?b=c HTTP/1.1\r\nHost: example.org\r\nX-Y:\t spaced \t\r\nEmpty:\r\n\r\nrest");
  ASSERT_EQ(got.result.state, state::complete);
  EXPECT_EQ(got.result.length, got.text.size() - 4);
  EXPECT_EQ(got.head.method, "GET");
  EXPECT_EQ(got.head.parts.path, "/a");
  EXPECT_EQ(got.head.parts.query, "b=c");
  ASSERT_EQ(got.head.field_count, 3u);
  EXPECT_EQ(got.head.fields[1].name, "X-Y");
  EXPECT_EQ(got.head.fields[1].value, "spaced");
  EXPECT_EQ(got.head.fields[2].value, "");
  EXPECT_EQ(got.head.value(known::host), "example.org");
  EXPECT_FALSE(got.head.has(known::cookie));
  EXPECT_TRUE(got.head.keep_alive);
  EXPECT_GE(got.head.target.data(), got.text.data());
}

TEST(RequestHead, EveryPrefixIsIncomplete) {
  const std::string whole = "\r\nPOST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nCookie: x=y\r\n\r\n";
  for (std::size_t size = 0; size < whole.size(); ++size) {
    ASSERT_EQ(parsed(whole.substr(0, size)).result.state, state::incomplete) << size;
  }
  EXPECT_EQ(parsed(whole).result.state, state::complete);
}

TEST(RequestHead, KnownFieldsAreFoundInAnyCase) {
  const parsed got(
      with("iF-nOnE-mAtCh: \"a\"\r\nIf-None-Match: \"b\"\r\nACCEPT-ENCODING: gzip\r\nauthorization: x\r\n"));
  EXPECT_EQ(got.head.value(known::if_none_match), "\"a\"");
  EXPECT_TRUE(got.head.is_repeated(known::if_none_match));
  EXPECT_FALSE(got.head.is_repeated(known::accept_encoding));
  EXPECT_EQ(got.head.value(known::authorization), "x");
}

TEST(RequestHead, DropsTheRequestBefore) {
  parsed got(
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\nConnection: "
      "close\r\n\r\n");
  EXPECT_TRUE(got.head.chunked && got.head.expect_continue && !got.head.keep_alive);
  const std::string next = with("");
  parse_head(next, {}, got.head);
  EXPECT_FALSE(got.head.chunked || got.head.expect_continue || got.head.has(known::transfer_encoding));
  EXPECT_TRUE(got.head.keep_alive);
  EXPECT_EQ(got.head.field_count, 1u);
}

TEST(RequestHead, RefusesWhatTwoParsersCouldReadDifferently) {
  for (const auto fields : {
           "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n",
           "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n",
           "Content-Length: 1\r\nContent-Length: 1\r\n",
           "Content-Length: 1, 1\r\n",
           "Content-Length: -1\r\n",
           "Content-Length: +1\r\n",
           "Content-Length: 0x1\r\n",
           "Content-Length: 1 1\r\n",
           "Content-Length:\r\n",
           "Content-Length: 1111111111111111111\r\n",
           "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
           "Host: b\r\n",
           "X : 1\r\n",
           " X: 1\r\n",
           "\tX: 1\r\n",
           "X: 1\r\n folded\r\n",
           "X\r\n",
           ": 1\r\n",
           "X: a\rb\r\n",
           "X: a\nY: b\r\n",
           "X: a\n\r\n",
           "X: \x01\r\n",
           "X\xC3\xA9: 1\r\n",
           "X(: 1\r\n",
           "X: a\x7f\r\n",
           "Authorization: a\r\nAuthorization: b\r\n",
           "Content-Type: a/b\r\nContent-Type: a/c\r\n",
       }) {
    EXPECT_EQ(refusal(with(fields)), 400) << fields;
  }
  EXPECT_EQ(refusal(with(std::string("X: a\0b\r\n", 8))), 400);
}

TEST(RequestHead, RefusesCodingsItDoesNotKnow) {
  EXPECT_EQ(refusal(with("Transfer-Encoding: gzip, chunked\r\n")), 501);
  EXPECT_EQ(refusal(with("Transfer-Encoding: xchunked\r\n")), 501);
  EXPECT_EQ(refusal(with("Transfer-Encoding: \"chunked\"\r\n")), 501);
  EXPECT_EQ(refusal(with("Expect: 200-ok\r\n")), 417);
  EXPECT_TRUE(parsed(with("Transfer-Encoding: Chunked\r\n")).head.chunked);
  EXPECT_EQ(refusal("GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), 400);
}

TEST(RequestHead, RefusesAMalformedRequestLine) {
  for (const auto line :
       {"GET / HTTP/1.1 ", "GET  / HTTP/1.1", " GET / HTTP/1.1", "GET /", "GET", "GET / HTTP/1",
        "GET / http/1.1", "GET / HTTP/1.x", "GET / HTTP/11.1", "G(T / HTTP/1.1", "GET a HTTP/1.1",
        "GET * HTTP/1.1", "GET /\t HTTP/1.1", "GET\t/\tHTTP/1.1", "", "GET / / HTTP/1.1"}) {
    EXPECT_EQ(refusal(std::string(line) + "\r\nHost: a\r\n\r\n"), 400) << line;
  }
  EXPECT_EQ(refusal("GET / HTTP/2.0\r\nHost: a\r\n\r\n"), 505);
  EXPECT_EQ(refusal("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 505);
  EXPECT_EQ(refusal("CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n"), 501);
  EXPECT_EQ(refusal("GET / HTTP/1.1\nHost: a\n\n"), 400);
  EXPECT_EQ(refusal("\n"), 400);
  EXPECT_EQ(refusal("\x16\x03\x01"), 400);
}

TEST(RequestHead, HostIsNeededOnceFrom11On) {
  EXPECT_EQ(refusal("GET / HTTP/1.1\r\n\r\n"), 400);
  EXPECT_EQ(refusal("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"), 400);
  EXPECT_EQ(refusal("GET / HTTP/1.0\r\n\r\n"), 0);
}

TEST(RequestHead, LimitsItsSize) {
  const head_limits limits{.max_head = 1000, .max_target = 100};
  EXPECT_EQ(refusal(with("X: " + std::string(1000, 'x') + "\r\n"), limits), 431);
  EXPECT_EQ(refusal("GET /" + std::string(100, 'x') + " HTTP/1.1\r\nHost: a\r\n\r\n", limits), 414);
  EXPECT_EQ(refusal("GET /" + std::string(200, 'x'), limits), 414);
  std::string many;
  for (int i = 0; i < 100; ++i) many += "X: 1\r\n";
  EXPECT_EQ(refusal(with(many)), 431);
  // A body or a next request behind the head does not count.
  EXPECT_EQ(refusal(with("") + std::string(2000, 'x'), limits), 0);
}

TEST(RequestHead, ConnectionIsAListOfOptions) {
  EXPECT_FALSE(parsed(with("Connection: keep-alive, Close\r\n")).head.keep_alive);
  EXPECT_FALSE(parsed(with("Connection: x\r\nConnection: close\r\n")).head.keep_alive);
  EXPECT_TRUE(parsed(with("Connection: upgrade\r\n")).head.keep_alive);
  EXPECT_FALSE(parsed("GET / HTTP/1.0\r\n\r\n").head.keep_alive);
  EXPECT_TRUE(parsed("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n").head.keep_alive);
}

}  // namespace
}  // namespace strata::http
