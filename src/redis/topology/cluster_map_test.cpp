#include "redis/topology/cluster_map.hpp"

#include <gtest/gtest.h>

namespace strata::redis {
namespace {

address asked() {
  address out;
  out.host = "10.0.0.1";
  out.port = 7001;
  return out;
}

std::string owner(const cluster_map& map, std::uint16_t slot) {
  const auto index = map.owner(slot);
  return index == cluster_map::no_owner ? "nobody" : map.masters()[index].id;
}

const std::string three =
    "aa 10.0.0.1:7001@17001 myself,master - 0 0 1 connected 0-5460\n"
    "dd 10.0.0.1:7004@17004 slave aa 0 1 1 connected\n"
    "cc 10.0.0.3:7003@17003,three.example master - 0 1 9 connected 10923-16383\n"
    "bb 10.0.0.2:7002@17002 master,fail? - 0 1 2 connected 5461-10922\n";

TEST(ClusterMap, SaysWhoHasASlot) {
  const auto map = cluster_map::read(three, asked());
  ASSERT_TRUE(map);
  EXPECT_TRUE(map->complete());
  EXPECT_TRUE(map->moving().empty());
  EXPECT_EQ(map->newest(), 9u);
  ASSERT_EQ(map->masters().size(), 3u);
  EXPECT_EQ(owner(*map, 0), "aa");
  EXPECT_EQ(owner(*map, 5460), "aa");
  EXPECT_EQ(owner(*map, 5461), "bb");
  EXPECT_EQ(owner(*map, 16383), "cc");
  EXPECT_EQ(to_text(map->masters()[2].at), "10.0.0.3:7003");
  EXPECT_TRUE(map->masters()[2].is_at("three.example", 7003));
  EXPECT_TRUE(map->masters()[2].is_at("10.0.0.3", 7003));
  EXPECT_FALSE(map->masters()[1].is_at("", 7002));
}

TEST(ClusterMap, IsTheSameInWhateverOrderTheNodesAreNamed) {
  const auto map = cluster_map::read(
      "cc 10.0.0.3:7003@17003,three.example master - 0 1 9 connected 10923-16383\n"
      "bb 10.0.0.2:7002@17002 master - 0 1 2 connected 5461-10922\n"
      "aa 10.0.0.1:7001@17001 master - 0 7 1 connected 0-5460\n",
      asked());
  ASSERT_TRUE(map);
  EXPECT_EQ(*map, *cluster_map::read(three, asked()));
}

TEST(ClusterMap, ANodeWithoutANameIsTheOneThatWasAsked) {
  const auto map = cluster_map::read("aa :7009@17009 myself,master - 0 0 0 connected 0-16383\n", asked());
  ASSERT_TRUE(map);
  EXPECT_EQ(to_text(map->masters()[0].at), "10.0.0.1:7009");
}

TEST(ClusterMap, ReadsAddressesOfEveryKind) {
  const auto map = cluster_map::read(
      "aa fe80::1:7009@17009,,shard-id=12 myself,master - 0 0 0 connected 0-16383\n", asked());
  ASSERT_TRUE(map);
  EXPECT_EQ(map->masters()[0].at.host, "fe80::1");
  EXPECT_EQ(map->masters()[0].hostname, "");
}

TEST(ClusterMap, KeepsAMasterWithoutSlotsUnlessItHasFailed) {
  const auto map = cluster_map::read(three +
                                         "ee 10.0.0.5:7005@17005 master - 0 1 0 connected\n"
                                         "ff 10.0.0.6:7006@17006 master,fail - 0 1 0 connected\n"
                                         "gg :0@0 master,noaddr - 0 1 0 connected\n",
                                     asked());
  ASSERT_TRUE(map) << map.error().detail;
  ASSERT_EQ(map->masters().size(), 4u);
  EXPECT_EQ(map->masters()[3].id, "ee");
}

TEST(ClusterMap, SeesThatASlotIsOnTheMove) {
  const auto map = cluster_map::read(
      "aa 10.0.0.1:7001@17001 myself,master - 0 0 1 connected 0-16383 [93->-bb] [7-<-bb]\n", asked());
  ASSERT_TRUE(map);
  EXPECT_EQ(map->moving(), (std::vector<std::uint16_t>{93, 7}));
  EXPECT_TRUE(map->complete());
}

TEST(ClusterMap, RefusesAMovingSlotThatIsNoNumber) {
  for (const auto* moving : {"[", "[->-bb]", "[x->-bb]", "[16384->-bb]", "[7]", "[7-<bb]"}) {
    EXPECT_FALSE(
        cluster_map::read(std::string("aa a:1@2 master - 0 0 1 connected 0-16383 ") + moving, asked()))
        << moving;
  }
}

TEST(ClusterMap, KnowsThatASlotHasNobody) {
  const auto map = cluster_map::read("aa a:1@2 master - 0 0 1 connected 0-4 6-16383\n", asked());
  ASSERT_TRUE(map);
  EXPECT_FALSE(map->complete());
  EXPECT_EQ(owner(*map, 5), "nobody");
}

TEST(ClusterMap, RefusesWhatIsNoAnswer) {
  for (const auto* line :
       {"", "\n", "aa", "aa a:1@2 slave bb 0 0 1 connected", "aa a:1@2 master - 0 0 x connected 1",
        "aa a@2 master - 0 0 1 connected 1", "aa a:0@2 master - 0 0 1 connected 1",
        "aa a:1@2 master - 0 0 1 connected 5-4", "aa a:1@2 master - 0 0 1 connected 1-16384",
        "aa a:70000@2 master - 0 0 1 connected 1", "aa a:1@2 master - 0 0 1 connected x"}) {
    EXPECT_FALSE(cluster_map::read(line, asked())) << line;
  }
}

TEST(Redirection, IsReadFromTheError) {
  const auto moved = redirection_of("MOVED 3999 10.0.0.1:6381");
  ASSERT_TRUE(moved);
  EXPECT_TRUE(moved->moved);
  EXPECT_EQ(moved->slot, 3999);
  EXPECT_EQ(moved->host, "10.0.0.1");
  EXPECT_EQ(moved->port, 6381);
  const auto ask = redirection_of("ASK 1 fe80::1:6381");
  ASSERT_TRUE(ask);
  EXPECT_FALSE(ask->moved);
  EXPECT_EQ(ask->host, "fe80::1");
  EXPECT_EQ(redirection_of("MOVED 1 :6381")->host, "");
  EXPECT_EQ(redirection_of("MOVED 1 ?:6381")->host, "");
}

TEST(Redirection, IsNothingElse) {
  for (const auto* other :
       {"", "ERR no", "MOVED", "MOVED 1", "MOVED x a:1", "MOVED 16384 a:1", "MOVED 1 a", "MOVED 1 a:0",
        "MOVED 1 a:70000", "TRYAGAIN Multiple keys", "CLUSTERDOWN The cluster is down"}) {
    EXPECT_FALSE(redirection_of(other)) << other;
  }
}

}  // namespace
}  // namespace strata::redis
