#include "cli/http_client.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace strata::cli {
namespace {

TEST(HttpClient, ReadsStatusAndBody) {
  const auto answer = parse_answer("HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\n{}");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 404);
  EXPECT_EQ(answer->body, "{}");
}

TEST(HttpClient, RefusesATruncatedOrForeignResponse) {
  for (const char* text : {"", "SSH-2.0-OpenSSH\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n",
                           "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{}", "HTTP/1.1 xx OK\r\n\r\n",
                           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"}) {
    EXPECT_FALSE(parse_answer(text).has_value()) << text;
  }
}

TEST(HttpClient, EncodesCharactersThatAQueryMayNotHold) {
  EXPECT_EQ(encode_query("agent:agt_1"), "agent:agt_1");
  EXPECT_EQ(encode_query("a b&c=%?#\n"), "a%20b%26c%3D%25%3F%23%0A");
  EXPECT_EQ(encode_query("\xc3\xa9"), "%C3%A9");
}

TEST(HttpClient, ExplainsThatNoGatewayListens) {
  const auto answer = call({.address = "127.0.0.1:1", .target = "/healthz"});
  ASSERT_FALSE(answer);
  EXPECT_THAT(answer.error().detail, testing::HasSubstr("no gateway answers at 127.0.0.1:1"));
}

}  // namespace
}  // namespace strata::cli
