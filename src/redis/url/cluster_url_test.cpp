#include "redis/url/cluster_url.hpp"

#include <gtest/gtest.h>

namespace strata::redis {
namespace {

TEST(ClusterUrl, NamesNodesToAsk) {
  const auto place = parse_cluster_url("redis+cluster://me:p%40ss@a:7001,b,[::1]:7003?name=gate");
  ASSERT_TRUE(place) << place.error().detail;
  ASSERT_EQ(place->seeds.size(), 3u);
  EXPECT_EQ(to_text(place->seeds[0]), "a:7001");
  EXPECT_EQ(to_text(place->seeds[1]), "b:6379");
  EXPECT_EQ(to_text(place->seeds[2]), "[::1]:7003");
  EXPECT_EQ(place->connection.login.user, "me");
  EXPECT_EQ(place->connection.login.password, "p@ss");
  EXPECT_EQ(place->connection.name, "gate");
  EXPECT_FALSE(place->connection.tls.enabled);
}

TEST(ClusterUrl, MayAskForTls) {
  const auto place = parse_cluster_url("rediss+cluster://a:7001/?ca=/ca.pem&sni=cluster.example");
  ASSERT_TRUE(place) << place.error().detail;
  EXPECT_TRUE(place->connection.tls.enabled);
  EXPECT_EQ(place->connection.tls.ca_file, "/ca.pem");
  EXPECT_EQ(place->connection.tls.server_name, "cluster.example");
}

TEST(ClusterUrl, IsToldFromTheOthers) {
  EXPECT_TRUE(is_cluster_url("redis+cluster://a"));
  EXPECT_TRUE(is_cluster_url("rediss+cluster://a"));
  EXPECT_FALSE(is_cluster_url("redis://a"));
  EXPECT_FALSE(is_cluster_url("redis+sentinel://a/name"));
}

TEST(ClusterUrl, RefusesWhatIsWrongWithoutRepeatingIt) {
  for (const auto* url : {"redis+cluster://", "redis+cluster://a,,b", "redis+cluster://a/1",
                          "redis+cluster://s3cret@a?x=s3cret", "redis+cluster://a?ca=f", "redis://a"}) {
    const auto place = parse_cluster_url(url);
    ASSERT_FALSE(place.has_value()) << url;
    EXPECT_EQ(place.error().code, errc::invalid_argument) << url;
    EXPECT_FALSE(place.error().detail.contains("s3cret")) << place.error().detail;
  }
}

}  // namespace
}  // namespace strata::redis
