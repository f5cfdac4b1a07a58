#include "http/client_address.hpp"

#include <gtest/gtest.h>

namespace strata::http {
namespace {

ip_address ip(std::string_view text) {
  return parse_ip(text).value();
}

TEST(ClientAddress, ReadsAndWritesAddresses) {
  for (const auto* each : {"192.0.2.1", "0.0.0.0", "255.255.255.255", "2001:db8::1", "::", "::1",
                           "1::", "2001:db8:1:2:3:4:5:6", "fe80::1:0:0:1"}) {
    EXPECT_EQ(to_text(ip(each)), each);
  }
  EXPECT_EQ(to_text(ip("::ffff:192.0.2.1")), "192.0.2.1") << "one client by either name";
  EXPECT_EQ(to_text(ip("2001:0DB8:0:0:0:0:0:1")), "2001:db8::1");
}

TEST(ClientAddress, RefusesWhatIsNoAddress) {
  for (const auto* each : {"",
                           "1",
                           "1.2.3",
                           "1.2.3.4.5",
                           "1.2.3.256",
                           "01.2.3.4",
                           "1.2.3.4 ",
                           "1.2.3.4:80",
                           ":",
                           ":::",
                           "1:2:3:4:5:6:7",
                           "1:2:3:4:5:6:7:8:9",
                           "1::2::3",
                           "12345::",
                           "::1%eth0",
                           "[::1]",
                           "::1.2.3",
                           "g::",
                           "1:2:3:4:5:6:7:8::",
                           "::ffff:1.2.3.4:5",
                           "unknown"}) {
    EXPECT_FALSE(parse_ip(each)) << each;
  }
}

TEST(ClientAddress, CountsANetworkOfIpv6AsOneClient) {
  EXPECT_EQ(client_network("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
  EXPECT_EQ(client_network("2001:db8:1:2::9"), "2001:db8:1:2::/64");
  EXPECT_EQ(client_network("192.0.2.9"), "192.0.2.9");
  EXPECT_EQ(client_network("::ffff:192.0.2.9"), "192.0.2.9");
  EXPECT_EQ(client_network("unix"), "unix");
}

TEST(ClientAddress, KnowsWhatANetworkContains) {
  EXPECT_TRUE(parse_network("10.0.0.0/8")->contains(ip("10.9.8.7")));
  EXPECT_FALSE(parse_network("10.0.0.0/8")->contains(ip("11.0.0.1")));
  EXPECT_TRUE(parse_network("192.0.2.128/25")->contains(ip("192.0.2.200")));
  EXPECT_FALSE(parse_network("192.0.2.128/25")->contains(ip("192.0.2.100")));
  EXPECT_TRUE(parse_network("::1")->contains(ip("::1")));
  EXPECT_FALSE(parse_network("::1")->contains(ip("::2")));
  EXPECT_FALSE(parse_network("0.0.0.0/0")->contains(ip("2001:db8::1")));
  EXPECT_TRUE(parse_network("::/0")->contains(ip("10.0.0.1")));
  for (const auto* each : {"10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/-1", "x/8", ""}) {
    EXPECT_FALSE(parse_network(each)) << each;
  }
}

struct forwarding {
  std::vector<ip_network> trusted{*parse_network("10.0.0.0/8"), *parse_network("fd00::/8")};
  std::string client(std::string_view peer, std::string_view forwarded, std::string_view x_forwarded_for,
                     forwarded_field which = forwarded_field::either) const {
    return to_text(find_client(ip(peer), forwarded, x_forwarded_for, trusted, which));
  }
};

TEST(ClientAddress, BelievesATrustedProxyOnly) {
  const forwarding at;
  EXPECT_EQ(at.client("10.0.0.1", "", "192.0.2.7"), "192.0.2.7");
  EXPECT_EQ(at.client("198.51.100.1", "", "192.0.2.7"), "198.51.100.1");
  EXPECT_EQ(at.client("10.0.0.1", "", ""), "10.0.0.1");
}

TEST(ClientAddress, TakesTheLastAddressThatNoProxyOfOursHas) {
  const forwarding at;
  EXPECT_EQ(at.client("10.0.0.1", "", "1.1.1.1, 192.0.2.7, 10.0.0.2"), "192.0.2.7")
      << "what the client wrote before it proves nothing";
  EXPECT_EQ(at.client("10.0.0.1", "", "10.0.0.3, 10.0.0.2"), "10.0.0.3") << "a client of our own network";
  EXPECT_EQ(at.client("10.0.0.1", "", "192.0.2.7, garbage, 10.0.0.2"), "10.0.0.2");
  EXPECT_EQ(at.client("fd00::1", "", "192.0.2.7:4711"), "192.0.2.7");
  EXPECT_EQ(at.client("10.0.0.1", "", "[2001:db8::7]:80"), "2001:db8::7");
}

TEST(ClientAddress, ReadsForwarded) {
  const forwarding at;
  EXPECT_EQ(at.client("10.0.0.1", "for=192.0.2.7", ""), "192.0.2.7");
  EXPECT_EQ(at.client("10.0.0.1", "proto=https; FOR=\"[2001:db8::7]:4711\" ;by=10.0.0.1", ""), "2001:db8::7");
  EXPECT_EQ(at.client("10.0.0.1", "for=1.1.1.1, for=192.0.2.7, for=10.0.0.9", ""), "192.0.2.7");
  EXPECT_EQ(at.client("10.0.0.1", "for=192.0.2.7, for=unknown", ""), "10.0.0.1");
  EXPECT_EQ(at.client("10.0.0.1", "for=_hidden", ""), "10.0.0.1");
  EXPECT_EQ(at.client("10.0.0.1", "for=\"1.1.1.1, for=192.0.2.7", ""), "10.0.0.1") << "an open quote";
}

TEST(ClientAddress, IsNotFooledByTheFieldThatItsProxyPassesOn) {
  const forwarding at;
  EXPECT_EQ(at.client("10.0.0.1", "for=1.1.1.1", "192.0.2.7"), "10.0.0.1");
  EXPECT_EQ(at.client("10.0.0.1", "for=192.0.2.7", "192.0.2.7"), "192.0.2.7");
  EXPECT_EQ(at.client("10.0.0.1", "for=1.1.1.1", "192.0.2.7", forwarded_field::x_forwarded_for), "192.0.2.7");
  EXPECT_EQ(at.client("10.0.0.1", "for=192.0.2.7", "1.1.1.1", forwarded_field::forwarded), "192.0.2.7");
  EXPECT_EQ(at.client("10.0.0.1", "", "1.1.1.1", forwarded_field::forwarded), "10.0.0.1");
}

}  // namespace
}  // namespace strata::http
