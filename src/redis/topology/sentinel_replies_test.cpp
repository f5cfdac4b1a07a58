#include "redis/topology/sentinel_replies.hpp"

#include <gtest/gtest.h>

namespace strata::redis {
namespace {

resp::value text(std::string of) {
  return resp::value::text(resp::kind::bulk_string, std::move(of));
}
template <class... Items>
resp::value list(resp::kind is, Items... items) {
  std::vector<resp::value> all;
  (all.push_back(std::move(items)), ...);
  return resp::value::aggregate(is, std::move(all));
}
resp::value refusal(std::string of) {
  return resp::value::text(resp::kind::simple_error, std::move(of));
}
resp::value message(std::string channel, std::string words) {
  return list(resp::kind::push, text("message"), text(std::move(channel)), text(std::move(words)));
}
resp::value master(std::string epoch) {
  return list(resp::kind::map, text("name"), text("main"), text("config-epoch"), text(std::move(epoch)));
}
resp::value place(std::string host, std::string port) {
  return list(resp::kind::array, text(std::move(host)), text(std::move(port)));
}
resp::value other(std::string host, std::string port) {
  return list(resp::kind::map, text("name"), text("x"), text("ip"), text(std::move(host)), text("port"),
              text(std::move(port)));
}

template <class... Replies>
result<sentinel_answer> read(Replies... given) {
  std::vector<resp::value> replies;
  (replies.push_back(std::move(given)), ...);
  return read_answer(replies, "main");
}

TEST(SentinelReplies, TellTheMasterAndItsEpochAndTheOtherSentinels) {
  const auto found =
      read(master("7"), place("10.0.0.7", "6380"),
           list(resp::kind::array, other("10.0.0.1", "26379"), other("10.0.0.2", "no"), other("::3", "1")));
  ASSERT_TRUE(found) << found.error().detail;
  EXPECT_EQ(to_text(found->master), "10.0.0.7:6380");
  EXPECT_EQ(found->epoch, 7u);
  ASSERT_EQ(found->others.size(), 2u);
  EXPECT_EQ(to_text(found->others[0]), "10.0.0.1:26379");
  EXPECT_EQ(to_text(found->others[1]), "[::3]:1");
}

TEST(SentinelReplies, ThatNobodyMayAskForTheOthersIsNoError) {
  const auto found = read(master("0"), place("h", "1"), refusal("NOPERM no"));
  ASSERT_TRUE(found) << found.error().detail;
  EXPECT_TRUE(found->others.empty());
}

TEST(SentinelReplies, AGroupThatIsNotKnownIsNamed) {
  const auto found = read(refusal("ERR No such master with that name"), resp::value(), refusal("ERR No"));
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, errc::store_unavailable);
  EXPECT_NE(found.error().detail.find("\"main\""), std::string::npos) << found.error().detail;
}

TEST(SentinelReplies, WhatIsNotAllowedIsSaidInTheServersWords) {
  const auto words = [](const result<sentinel_answer>& of) { return of ? "" : of.error().detail; };
  const auto none = [] { return list(resp::kind::array); };
  EXPECT_TRUE(words(read(refusal("NOPERM no master"), place("h", "1"), none())).contains("no master"));
  EXPECT_TRUE(words(read(master("1"), refusal("NOPERM no address"), none())).contains("no address"));
}

TEST(SentinelReplies, WhatIsNoAnswerIsAnError) {
  const auto none = [] { return list(resp::kind::array); };
  for (const auto* port : {"", "0", "65536", "80a", "-1"}) {
    EXPECT_FALSE(read(master("1"), place("h", port), none())) << port;
  }
  for (const auto* epoch : {"", "-1", "x"})
    EXPECT_FALSE(read(master(epoch), place("h", "1"), none())) << epoch;
  EXPECT_FALSE(read(master("1"), place("", "1"), none()));
  EXPECT_FALSE(read(master("1"), resp::value(), none()));
  EXPECT_FALSE(read(resp::value(), place("h", "1"), none()));
  EXPECT_FALSE(read(master("1"), place("h", "1")));
}

TEST(SentinelReplies, SayThatTheMasterHasChanged) {
  EXPECT_TRUE(is_failover(message("+switch-master", "main 10.0.0.1 6379 10.0.0.2 6380"), "main"));
  EXPECT_TRUE(is_failover(
      message("+promoted-slave", "slave 10.0.0.2:6380 10.0.0.2 6380 @ main 10.0.0.1 6379"), "main"));
}

TEST(SentinelReplies, OtherMessagesAreNoFailover) {
  EXPECT_FALSE(is_failover(message("+switch-master", "other 10.0.0.1 6379 10.0.0.2 6380"), "main"));
  EXPECT_FALSE(is_failover(message("+switch-master", "mainly 10.0.0.1 6379 10.0.0.2 6380"), "main"));
  EXPECT_FALSE(is_failover(message("+promoted-slave", "slave main 10.0.0.2 6380 @ other h 1"), "main"));
  EXPECT_FALSE(is_failover(message("+promoted-slave", "slave main 10.0.0.2 6380"), "main"));
  EXPECT_FALSE(is_failover(message("+sdown", "main 10.0.0.1 6379 10.0.0.2 6380"), "main"));
  EXPECT_FALSE(is_failover(message("+switch-master", ""), "main"));
  EXPECT_FALSE(is_failover(resp::value(), "main"));
}

}  // namespace
}  // namespace strata::redis
