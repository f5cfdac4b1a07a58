#include "http/proxy_protocol.hpp"

#include <string>

#include <gtest/gtest.h>

namespace strata::http {
namespace {

using state = proxy_header::parse_status;

std::string v2(int command, int family, std::string_view rest) {
  std::string out{"\r\n\r\n\0\r\nQUIT\n", 12};
  out += static_cast<char>(0x20 | command);
  out += static_cast<char>(family << 4 | 1);
  out += static_cast<char>(rest.size() >> 8);
  out += static_cast<char>(rest.size());
  return out.append(rest);
}

TEST(ProxyProtocol, ReadsVersion1) {
  const auto four = parse_proxy_header("PROXY TCP4 192.0.2.7 10.0.0.1 4711 443\r\nGET /");
  ASSERT_EQ(four.state, state::complete);
  EXPECT_EQ(four.length, 40u);
  EXPECT_EQ(to_text(*four.client), "192.0.2.7");
  const auto six = parse_proxy_header("PROXY TCP6 2001:db8::7 2001:db8::1 4711 443\r\n");
  ASSERT_EQ(six.state, state::complete);
  EXPECT_EQ(to_text(*six.client), "2001:db8::7");
  const auto unknown = parse_proxy_header("PROXY UNKNOWN whatever follows\r\n");
  EXPECT_EQ(unknown.state, state::complete);
  EXPECT_FALSE(unknown.client);
}

TEST(ProxyProtocol, ReadsVersion2) {
  const std::string addresses{"\xc0\x00\x02\x07\x0a\x00\x00\x01\x12\x67\x01\xbb", 12};
  const auto four = parse_proxy_header(v2(1, 1, addresses + "TLV bytes") + "GET /");
  ASSERT_EQ(four.state, state::complete);
  EXPECT_EQ(four.length, 16u + 12 + 9);
  EXPECT_EQ(to_text(*four.client), "192.0.2.7");
  std::string long_ones(36, '\0');
  long_ones[0] = 0x20;
  long_ones[15] = 7;
  EXPECT_EQ(to_text(*parse_proxy_header(v2(1, 2, long_ones)).client), "2000::7");
  const auto local = parse_proxy_header(v2(0, 0, ""));
  EXPECT_EQ(local.state, state::complete);
  EXPECT_FALSE(local.client) << "a health check of the proxy itself";
}

TEST(ProxyProtocol, WaitsForTheRest) {
  const std::string one = "PROXY TCP4 192.0.2.7 10.0.0.1 4711 443\r\n";
  for (std::size_t i = 0; i < one.size(); ++i) {
    EXPECT_EQ(parse_proxy_header(one.substr(0, i)).state, state::incomplete) << i;
  }
  const auto two = v2(1, 1, std::string(12, '\1'));
  for (std::size_t i = 0; i < two.size(); ++i) {
    EXPECT_EQ(parse_proxy_header(two.substr(0, i)).state, state::incomplete) << i;
  }
}

TEST(ProxyProtocol, RefusesWhatIsNoHeader) {
  for (const auto* each :
       {"GET / HTTP/1.1\r\n", "PROXY TCP5 1.2.3.4 1.2.3.4 1 1\r\n", "PROXY TCP4 1.2.3.4\r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.4 1 65536\r\n", "PROXY TCP4 ::1 ::1 1 1\r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.4 1 1 1\r\n", "PROXY TCP4  1.2.3.4 1.2.3.4 1 1\r\n"}) {
    EXPECT_EQ(parse_proxy_header(each).state, state::malformed) << each;
  }
  EXPECT_EQ(parse_proxy_header("PROXY " + std::string(200, 'x')).state, state::malformed);
  EXPECT_EQ(parse_proxy_header(v2(2, 1, std::string(12, '\1'))).state, state::malformed);
  EXPECT_EQ(parse_proxy_header(v2(1, 1, "short")).state, state::malformed);
  EXPECT_EQ(parse_proxy_header(v2(1, 1, std::string(5'000, '\1'))).state, state::malformed);
}

}  // namespace
}  // namespace strata::http
