#include "redis/topology/cluster_node.hpp"

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace strata::redis {
namespace {

const address asked{.host = "10.0.0.1", .port = 7001, .path = {}};

std::vector<reply> both(std::string info, std::string nodes) {
  std::vector<reply> out;
  out.push_back(reply::text(resp::kind::bulk_string, std::move(info)));
  out.push_back(reply::text(resp::kind::bulk_string, std::move(nodes)));
  return out;
}
const std::string info =
    "cluster_state:ok\r\ncluster_known_nodes:1\r\ncluster_current_epoch:6\r\ncluster_my_epoch:1\r\n";
const std::string nodes = "aa 10.0.0.1:7001@17001 myself,master - 0 0 1 connected 0-16383\n";

TEST(NodeAnswer, HasTheMapAndTheEpoch) {
  const auto read = read_node_answer(both(info, nodes), asked);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->epoch, 6u);
  EXPECT_TRUE(read->map.complete());
}

TEST(NodeAnswer, RefusesWhatIsNone) {
  auto replies = both(info, nodes);
  replies[0] = reply::text(resp::kind::simple_error, "ERR This instance has cluster support disabled");
  const auto refused = read_node_answer(replies, asked);
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().detail.contains("cluster support disabled"));
  replies = both(info, nodes);
  replies[1] = reply::text(resp::kind::simple_error, "NOPERM");
  EXPECT_FALSE(read_node_answer(replies, asked));
  replies.pop_back();
  EXPECT_FALSE(read_node_answer(replies, asked));
  EXPECT_FALSE(read_node_answer(both("cluster_state:ok\r\n", nodes), asked));
  EXPECT_FALSE(read_node_answer(both("cluster_current_epoch:-1\r\n", nodes), asked));
  EXPECT_FALSE(read_node_answer(both(info, "nonsense"), asked));
}

}  // namespace
}  // namespace strata::redis
