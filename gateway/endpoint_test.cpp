#include "gateway/endpoint.hpp"

#include <gtest/gtest.h>

namespace strata::gateway {
namespace {

TEST(Endpoint, ReadsAddressesAndPorts) {
  EXPECT_EQ(parse_endpoint("127.0.0.1:8080").value(), (endpoint{"127.0.0.1", 8080}));
  EXPECT_EQ(parse_endpoint("localhost:0").value(), (endpoint{"localhost", 0}));
  EXPECT_EQ(parse_endpoint("[::1]:65535").value(), (endpoint{"::1", 65535}));
}

TEST(Endpoint, RefusesAnythingButAnAddress) {
  for (const char* text :
       {"", "8080", ":8080", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:80x",
        "::1:8080", "[::1]", "[zz]:1", "example.org:80", "1.2.3:80", "a b:1"}) {
    EXPECT_FALSE(parse_endpoint(text).has_value()) << text;
  }
}

TEST(Endpoint, KnowsWhichAddressesOnlyThisMachineReaches) {
  for (const char* text : {"127.0.0.1:1", "127.9.9.9:1", "localhost:1", "[::1]:1"}) {
    EXPECT_TRUE(parse_endpoint(text).value().loopback()) << text;
  }
  for (const char* text : {"0.0.0.0:1", "10.0.0.1:1", "[::]:1", "[fe80::1]:1"}) {
    EXPECT_FALSE(parse_endpoint(text).value().loopback()) << text;
  }
}

TEST(Endpoint, ReadsUrlsAndWritesWhatItReads) {
  EXPECT_EQ(to_text(parse_url("http://127.0.0.1:9090/").value()), "127.0.0.1:9090");
  EXPECT_EQ(to_text(parse_url("[::1]:9090").value()), "[::1]:9090");
  EXPECT_FALSE(parse_url("https://127.0.0.1:9090").has_value());
  EXPECT_FALSE(parse_url("http://127.0.0.1:9090/path").has_value());
}

}  // namespace
}  // namespace strata::gateway
