#include "server/http2_head.hpp"

#include <gtest/gtest.h>

namespace strata::server {
namespace {

using fields = std::vector<std::pair<std::string_view, std::string_view>>;

/// The head as text; "malformed" if a field is refused, "incomplete" if the whole is.
std::string text_of(const fields& sent) {
  http2_request_head head;
  for (const auto& [name, value] : sent) {
    if (!head.add(name, value)) return "malformed";
  }
  return head.text().value_or("incomplete");
}

fields with(const fields& more) {
  fields all{{":method", "GET"}, {":scheme", "https"}, {":path", "/a?b=1"}, {":authority", "a.example"}};
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

TEST(Http2Head, ARequestBecomesAHeadOfHttp11) {
  EXPECT_EQ(text_of(with({{"accept", "*/*"}, {"x-empty", ""}})),
            "GET /a?b=1 HTTP/1.1\r\nHost: a.example\r\naccept: */*\r\nx-empty: \r\n\r\n");
  EXPECT_EQ(text_of(with({{"cookie", "a=1"}, {"x", "y"}, {"cookie", "b=2"}})),
            "GET /a?b=1 HTTP/1.1\r\nHost: a.example\r\nCookie: a=1; b=2\r\nx: y\r\n\r\n");
  EXPECT_EQ(text_of(with({{"host", "A.example"}})), "GET /a?b=1 HTTP/1.1\r\nHost: a.example\r\n\r\n");
}

TEST(Http2Head, RefusesWhatHttp11WouldReadAsSomethingElse) {
  for (const auto& [name, value] : fields{{"transfer-encoding", "chunked"},
                                          {"connection", "close"},
                                          {"keep-alive", "1"},
                                          {"upgrade", "h2c"},
                                          {"proxy-connection", "close"},
                                          {"te", "gzip"},
                                          {"x", "a\r\nContent-Length: 3"},
                                          {"x", "a\nb"},
                                          {"x y", "a"},
                                          {"x:", "a"},
                                          {"", "a"},
                                          {":path", "/other"},
                                          {":status", "200"}}) {
    EXPECT_EQ(text_of(with({{name, value}})), "malformed") << name;
  }
  EXPECT_EQ(text_of({{":method", "GET"}, {":path", "/ HTTP/1.1\r\nX: y"}}), "malformed");
  EXPECT_EQ(text_of({{":method", "GET x"}}), "malformed");
  EXPECT_EQ(text_of({{"x", "y"}, {":method", "GET"}}), "malformed");
  EXPECT_EQ(text_of(with({{"host", "other.example"}})), "incomplete");
  EXPECT_EQ(text_of({{":method", "GET"}, {":path", "/"}, {":scheme", "https"}}), "incomplete");
  EXPECT_EQ(text_of({{":method", "GET"}, {":scheme", "https"}, {":authority", "a"}}), "incomplete");
}

TEST(Http2Head, CountsAsTheSettingDoes) {
  http2_request_head head;
  head.add("abc", "de");
  EXPECT_EQ(head.size(), 37u);
}

TEST(Http2Head, AResponseLosesTheFieldsOfTheConnection) {
  const http2_response_head head(
      "HTTP/1.1 200 OK\r\nDate: now\r\nConnection: close\r\nETag: \"A\"\r\nX: a: b\r\n\r\n");
  EXPECT_EQ(head.fields(), (fields{{":status", "200"}, {"date", "now"}, {"etag", "\"A\""}, {"x", "a: b"}}));
}

}  // namespace
}  // namespace strata::server
