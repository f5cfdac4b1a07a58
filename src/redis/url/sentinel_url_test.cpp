#include "redis/url/sentinel_url.hpp"

#include <gtest/gtest.h>

namespace strata::redis {
namespace {

sentinel_target read(std::string_view url) {
  auto got = parse_sentinel_url(url);
  EXPECT_TRUE(got.has_value()) << url << ": " << got.error().detail;
  return got ? std::move(*got) : sentinel_target();
}

std::string why(std::string_view url) {
  const auto got = parse_sentinel_url(url);
  if (got) {
    ADD_FAILURE() << url << " is taken";
    return {};
  }
  EXPECT_EQ(got.error().code, errc::invalid_argument);
  EXPECT_FALSE(got.error().detail.contains("secret")) << got.error().detail;
  return got.error().detail;
}

TEST(SentinelUrl, NamesTheSentinelsAndTheirMaster) {
  const auto got = read("redis+sentinel://a:1,b,[::2]:3/4?master=my%20main");
  const std::vector<address> hosts{{"a", 1, ""}, {"b", 26379, ""}, {"::2", 3, ""}};
  EXPECT_EQ(got.sentinels.sentinels, hosts);
  EXPECT_EQ(got.sentinels.group, "my main");
  EXPECT_EQ(got.connection.database, 4u);
  EXPECT_FALSE(got.connection.tls.enabled);
  EXPECT_EQ(read("redis+sentinel://a?master=m").connection.database, 0u);
  EXPECT_EQ(read("redis+sentinel://a/?master=m").connection.database, 0u);
}

TEST(SentinelUrl, SaysWhoWeAreToTheServersAndToTheSentinels) {
  const auto got = read("redis+sentinel://u:p@a,b?master=m&sentinel-user=s&sentinel-password=t%26t&name=web");
  EXPECT_EQ(got.connection.login, (credentials{"u", "p"}));
  EXPECT_EQ(got.connection.name, "web");
  EXPECT_EQ(got.sentinels.login, (credentials{"s", "t&t"}));
  EXPECT_EQ(read("redis+sentinel://u:p@a?master=m").sentinels.login, (credentials{"", ""}));
}

TEST(SentinelUrl, SaysWhomToTrust) {
  const auto got = read("rediss+sentinel://a?master=m&ca=/ca.pem&cert=c&key=k&sni=h");
  EXPECT_EQ(got.connection.tls, (tls_options{true, "/ca.pem", "c", "k", "h"}));
  EXPECT_EQ(got.sentinels.tls, got.connection.tls);
}

TEST(SentinelUrl, RefusesWhatIsWrongAndSaysWhyButNotTheSecret) {
  for (const auto* bad :
       {"redis://u:secret@a?master=m", "redis+sentinel:a", "redis+sentinel", "redis+sentinel://",
        "redis+sentinel://u:secret@a,?master=", "redis+sentinel://u:secret@a,,b?master=m",
        "redis+sentinel://u:secret@a:0?master=m", "redis+sentinel://u:secret@a/x?master=m",
        "redis+sentinel://u:secret@a?master=m&master=m",
        "redis+sentinel://u:secret@a?master=m&sentinel-password=",
        "redis+sentinel://u:secret@a?master=m&sentinel-password=secret&sentinel-password=secret",
        "redis+sentinel://u:secret@a?master=m&ca=x", "redis+sentinel://u:secret@a?master=m&secret=x",
        "rediss+sentinel://u:secret@a?master=m&cert=x"}) {
    EXPECT_NE(why(bad), "") << bad;
  }
  EXPECT_TRUE(why("redis+sentinel://a").contains("?master=NAME"));
  EXPECT_TRUE(why("redis+sentinel://a/main").contains("?master=NAME"));
  EXPECT_TRUE(why("redis+sentinel://a?master=m&x=1").contains("there are: master, sentinel-user, "));
  EXPECT_TRUE(why("rediss+sentinel://a?master=m&x=1").contains("name, ca, cert, key, sni"));
}

}  // namespace
}  // namespace strata::redis
