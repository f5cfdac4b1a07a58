#include "redis/url/url.hpp"

#include <gtest/gtest.h>

namespace strata::redis {
namespace {

client_options read(std::string_view url) {
  auto got = parse_url(url);
  EXPECT_TRUE(got.has_value()) << url << ": " << got.error().detail;
  return got ? std::move(*got) : client_options();
}

std::string why(std::string_view url) {
  const auto got = parse_url(url);
  if (got) {
    ADD_FAILURE() << url << " is taken";
    return {};
  }
  EXPECT_FALSE(got.error().detail.contains("secret")) << got.error().detail;
  return got.error().detail;
}

TEST(RedisUrl, NamesAServer) {
  EXPECT_EQ(read("redis://cache.local").at, (address{"cache.local", 6379, ""}));
  EXPECT_EQ(read("redis://10.0.0.1:7000").at, (address{"10.0.0.1", 7000, ""}));
  EXPECT_EQ(read("redis://[::1]:7000/3").at, (address{"::1", 7000, ""}));
  EXPECT_EQ(read("redis://[::1]").at.port, 6379);
  EXPECT_EQ(read("redis://h/3").database, 3u);
  EXPECT_EQ(read("redis://h/").database, 0u);
  EXPECT_FALSE(read("redis://h").tls.enabled);
}

TEST(RedisUrl, SaysWhoWeAre) {
  EXPECT_EQ(read("redis://h").login, (credentials{"", ""}));
  EXPECT_EQ(read("redis://u@h").login, (credentials{"u", ""}));
  EXPECT_EQ(read("redis://:p@h").login, (credentials{"", "p"}));
  EXPECT_EQ(read("redis://u:p:q@h").login, (credentials{"u", "p:q"}));
  EXPECT_EQ(read("redis://u%40x:%2f%3a%23%25@h").login, (credentials{"u@x", "/:#%"}));
  EXPECT_EQ(read("redis://u:a@b@h").login, (credentials{"u", "a@b"}));
  EXPECT_EQ(read("redis://h?name=web-1").name, "web-1");
}

TEST(RedisUrl, SaysWhomToTrust) {
  const auto got = read("rediss://h:1/2?ca=/etc/ca.pem&cert=c.pem&key=k%20.pem&sni=other.host&name=n");
  EXPECT_TRUE(got.tls.enabled);
  EXPECT_EQ(got.tls.ca_file, "/etc/ca.pem");
  EXPECT_EQ(got.tls.certificate_file, "c.pem");
  EXPECT_EQ(got.tls.key_file, "k .pem");
  EXPECT_EQ(got.tls.server_name, "other.host");
  EXPECT_EQ(got.database, 2u);
}

TEST(RedisUrl, NamesAUnixSocket) {
  const auto got = read("unix://u:p@/run/redis/redis.sock?database=4");
  EXPECT_EQ(got.at.path, "/run/redis/redis.sock");
  EXPECT_EQ(got.login, (credentials{"u", "p"}));
  EXPECT_EQ(got.database, 4u);
}

TEST(RedisUrl, SeveralHostsAreForThoseWhoWantThem) {
  const auto got = split_url("redis+sentinel://u:p@a:1,b,[::2]:3/main/0?x=1&y=a%26b", 26379);
  ASSERT_TRUE(got.has_value());
  const std::vector<address> hosts{{"a", 1, ""}, {"b", 26379, ""}, {"::2", 3, ""}};
  EXPECT_EQ(got->hosts, hosts);
  EXPECT_EQ(got->path, "main/0");
  const std::vector<std::pair<std::string, std::string>> query{{"x", "1"}, {"y", "a&b"}};
  EXPECT_EQ(got->query, query);
  EXPECT_EQ(got->scheme, "redis+sentinel");
}

TEST(RedisUrl, RefusesWhatIsWrongAndSaysWhyButNotTheSecret) {
  for (const auto* bad : {"",
                          "h:6379",
                          "http://u:secret@h",
                          "redis://",
                          "redis://u:secret@",
                          "redis://u:secret@:6379",
                          "redis://u:secret@h:0",
                          "redis://u:secret@h:65536",
                          "redis://u:secret@h:x",
                          "redis://u:secret@h:",
                          "redis://u:secret@[::1",
                          "redis://u:secret@[h]",
                          "redis://u:secret@[::1]x",
                          "redis://u:secret@h/x",
                          "redis://u:secret@h/-1",
                          "redis://u:secret@h/1/2",
                          "redis://u:secret%zz@h",
                          "redis://u:secret%4@h",
                          "redis://u:secret%00@h",
                          "redis://u:se#cret@h",
                          "redis://u:secret@a,b",
                          "redis://u:secret@h?tls=yes",
                          "redis://u:secret@h?ca=x",
                          "redis://u:secret@h?database=1",
                          "redis://u:secret@h?name=a&name=b",
                          "redis://u:secret@h?name=",
                          "redis://u:secret@h?password=secret",
                          "rediss://u:secret@h?cert=x",
                          "rediss://u:secret@h?key=x",
                          "redis://u:secret@h\nx",
                          "redis://u:secret@h x",
                          "redis://u:secret@h!",
                          "unix://u:secret@host/path",
                          "unix://u:secret@",
                          "unix:///",
                          "unix:///x?ca=y",
                          "unix:///x?database=a"}) {
    EXPECT_NE(why(bad), "") << bad;
  }
  EXPECT_TRUE(why("redis://h?secret=1").contains("there are: name"));
  EXPECT_EQ(parse_url("redis://" + std::string(5000, 'h')).error().code, errc::too_large);
}

TEST(RedisUrl, AnAddressIsReadable) {
  EXPECT_EQ(to_text(address{"h", 1, ""}), "h:1");
  EXPECT_EQ(to_text(address{"::1", 1, ""}), "[::1]:1");
  EXPECT_EQ(to_text(address{"", 0, "/x"}), "/x");
}

}  // namespace
}  // namespace strata::redis
