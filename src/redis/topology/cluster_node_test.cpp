#include "redis/topology/cluster_node.hpp"
#include "redis/topology/gather.hpp"

#include <array>
#include <optional>
#include <stdexcept>
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

task<result<int>> after(async_latch& when, int what) {
  co_await when.wait();
  if (what == 0) throw std::runtime_error("0");
  co_return what;
}

TEST(Gather, WaitsForAllAndKeepsTheirOrder) {
  std::array<async_latch, 3> events;
  std::vector<task<result<int>>> work;
  work.push_back(after(events[0], 1));
  work.push_back(after(events[1], 0));
  work.push_back(after(events[2], 3));
  std::optional<std::vector<result<int>>> ended;
  start(nullptr, gather(std::move(work)),
        [&](completion<std::vector<result<int>>> all) { ended = std::move(*all); });
  for (const auto i : {2, 0}) events[static_cast<std::size_t>(i)].set();
  EXPECT_FALSE(ended);
  events[1].set();
  ASSERT_TRUE(ended);
  EXPECT_EQ((*ended)[0], 1);
  EXPECT_FALSE((*ended)[1]) << "an exception is an error";
  EXPECT_EQ((*ended)[2], 3);
  EXPECT_TRUE(sync_wait(gather(std::vector<task<result<int>>>())).empty());
}

}  // namespace
}  // namespace strata::redis
