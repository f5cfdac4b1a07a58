// Gateways that share a Redis Cluster.

#include "tests/redis/cluster_group.hpp"
#include "tests/system/gateway.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

namespace strata::system_test {
namespace {

using namespace std::chrono_literals;
using test::eventually;
using testing::HasSubstr;

std::string store_part(const gateway& of) {
  const auto body = of.ask_admin("GET", "/readyz").body;
  const auto at = body.find(R"("name":"store")");
  return at == std::string::npos ? "" : body.substr(at, 400);
}
bool uses_store(const gateway& which) {
  return store_part(which).starts_with(R"("name":"store","ready":true)");
}

TEST(ClusterGateway, SharesAClusterAndServesWhileAMasterIsAway) {
  test::cluster_group group;
  const temp_folder folder;
  std::vector<std::string> flags{"--store", group.url(), "--sqlite-poll", "1m"};
  const gateway one(folder, {"--store", group.url(), "--sqlite-poll", "1m", "--demo"});
  const gateway other(folder, flags);
  const auto session = one.session(one.as("admin"));
  ASSERT_TRUE(eventually([&] { return uses_store(one) && uses_store(other); })) << store_part(other);

  const auto list = parsed(one.ask("GET", "/agents?limit=20", {session}).body);
  const auto session_there = other.session(one.as("admin"));
  int from_cluster = 0;
  for (const auto& each : list.at("items").as_array()) {
    const auto target = "/agents/" + std::string(each.at("id").as_string());
    EXPECT_EQ(one.ask("GET", target, {session}).status, 200);
    from_cluster += other.ask("GET", target, {session_there}).field("cache-status").find("detail=l2") !=
                    std::string::npos;
    const auto changed = one.ask("PATCH", target, {session}, R"({"name":"Renamed in a cluster"})");
    ASSERT_EQ(changed.status, 200) << changed.body;
    EXPECT_TRUE(eventually([&] {
      return text_at(other.ask("GET", target, {session_there}).body, "name") == "Renamed in a cluster";
    }));
  }
  EXPECT_GT(from_cluster, 0);

  group.node(1).kill();
  ASSERT_TRUE(eventually([&] { return !uses_store(other); }));
  EXPECT_THAT(store_part(other), HasSubstr("127.0.0.1:" + std::to_string(group.node(1).port())));
  EXPECT_EQ(other.ask_admin("GET", "/readyz").status, 200);
  EXPECT_EQ(other.ask("GET", "/agents", {session_there}).status, 200);
  group.node(1).start();
  EXPECT_TRUE(eventually([&] { return uses_store(other); })) << store_part(other);
}

}  // namespace
}  // namespace strata::system_test
