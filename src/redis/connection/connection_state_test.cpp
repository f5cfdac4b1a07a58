/// The small state machines: back-off, liveness, the buffer and the handshake.

#include "redis/connection/backoff.hpp"
#include "redis/connection/handshake.hpp"
#include "redis/connection/liveness.hpp"
#include "redis/connection/read_buffer.hpp"

#include <random>
#include <string>

#include <gtest/gtest.h>

namespace strata::redis {
namespace {

using namespace std::chrono_literals;

TEST(Backoff, IsBelowABoundThatDoubles) {
  backoff wait(10ms, 100ms);
  for (const auto bound : {10ms, 20ms, 40ms, 80ms, 100ms, 100ms}) {
    auto copy = wait;
    EXPECT_EQ(copy.next(static_cast<std::uint64_t>(duration(bound).count()) - 1), bound - 1ns);
    EXPECT_EQ(wait.next(static_cast<std::uint64_t>(duration(bound).count())), 0ns);
  }
  wait.succeeded();
  EXPECT_LT(wait.next(~std::uint64_t{0}), 10ms);
}

TEST(Liveness, AsksWhenNothingWasAskedForAWhile) {
  liveness peer(700ms, 200ms);
  const time_point start{100s};
  peer.bytes_moved(start);
  EXPECT_EQ(peer.judge(start + 199ms, {}), liveness::verdict::alive);
  EXPECT_EQ(peer.judge(start + 200ms, {}), liveness::verdict::ask);
  EXPECT_EQ(peer.due({}), start + 200ms);
}

TEST(Liveness, SilenceAfterAQuestionIsDeath) {
  liveness peer(700ms, 200ms);
  const time_point start{100s};
  peer.bytes_moved(start);
  const auto asked = start + 200ms;
  EXPECT_EQ(peer.judge(asked + 699ms, asked), liveness::verdict::alive);
  EXPECT_EQ(peer.judge(asked + 700ms, asked), liveness::verdict::dead);
  peer.bytes_moved(asked + 500ms);
  EXPECT_EQ(peer.judge(asked + 1199ms, asked), liveness::verdict::alive);
  EXPECT_EQ(peer.judge(asked + 1200ms, asked), liveness::verdict::dead);
}

TEST(ReadSize, GrowsWithTheDepth) {
  EXPECT_EQ(read_size(0), 16u << 10);
  EXPECT_EQ(read_size(64), 16u << 10);
  EXPECT_EQ(read_size(128), 128u << 10);
  EXPECT_EQ(read_size(256), 256u << 10);
  EXPECT_EQ(read_size(100'000), 256u << 10);
}

TEST(ReadBuffer, KeepsWhatIsNotParsedHoweverItGrows) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  read_buffer buffer;
  std::string expected;
  unsigned char next = 0;
  for (int i = 0; i < 2000; ++i) {
    const auto wanted = 1 + random() % (i % 50 == 0 ? 200'000 : 2'000);
    const auto room = buffer.room(wanted);
    ASSERT_GE(room.size(), wanted);
    const auto came = random() % (wanted + 1);
    for (std::size_t at = 0; at < came; ++at) expected += room[at] = static_cast<char>(next++);
    buffer.filled(came);
    ASSERT_TRUE(buffer.bytes() == expected);
    const auto left = random() % 3 == 0 ? 0 : expected.size() - random() % (expected.size() + 1);
    expected.erase(0, expected.size() - left);
    buffer.keep_last(left);
    ASSERT_TRUE(buffer.bytes() == expected);
  }
}

// The handshake -----------------------------------------------------------------------------------

resp::value text(std::string of) {
  return resp::value::text(resp::kind::bulk_string, std::move(of));
}
resp::value refusal(std::string of) {
  return resp::value::text(resp::kind::simple_error, std::move(of));
}
resp::value ok() {
  return resp::value::text(resp::kind::simple_string, "OK");
}

resp::value hello() {
  std::vector<resp::value> items;
  const auto add = [&](const char* key, resp::value of) {
    items.push_back(text(key));
    items.push_back(std::move(of));
  };
  add("server", text("redis"));
  add("version", text("7.0.15"));
  add("proto", resp::value::number(3));
  add("id", resp::value::number(42));
  add("mode", text("standalone"));
  add("role", text("master"));
  return resp::value::aggregate(resp::kind::map, std::move(items));
}

template <class... Replies>
result<connection_info> judge(const client_options& with, Replies... given) {
  std::vector<resp::value> replies;
  (replies.push_back(std::move(given)), ...);
  return read_handshake(with, with.at, replies);
}

client_options secretive() {
  client_options with;
  with.login = {.user = "app", .password = "hunter2"};
  return with;
}

TEST(Greeting, SaysWhoWeAreInOneGo) {
  auto with = secretive();
  with.database = 2;
  with.setup.add("ROLE");
  resp::pipeline expected;
  expected.add("HELLO").arg(3).arg("AUTH").arg("app").arg("hunter2").arg("SETNAME").arg("strata");
  expected.add("SELECT").arg(2).add("PING").add("INFO").arg("server").add("ROLE");
  EXPECT_EQ(handshake_commands(with).bytes(), expected.bytes());

  client_options plain;
  plain.name.clear();
  EXPECT_TRUE(handshake_commands(plain).bytes().starts_with("*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n"));
  plain.login.password = "pw";
  EXPECT_TRUE(handshake_commands(plain).bytes().contains("AUTH\r\n$7\r\ndefault\r\n$2\r\npw\r\n"));
}

TEST(Greeting, UnderstandsTheServer) {
  client_options with;
  with.database = 1;
  with.setup.add("ROLE").add("PING");
  const auto about = judge(with, hello(), ok(), ok(),
                           text("# Server\r\nredis_version:7\r\nrun_id:abc\r\nx:y\r\n"), text("role"), ok());
  ASSERT_TRUE(about.has_value()) << about.error().detail;
  EXPECT_EQ(about->server, "redis");
  EXPECT_EQ(about->version, "7.0.15");
  EXPECT_EQ(about->mode, "standalone");
  EXPECT_EQ(about->role, "master");
  EXPECT_EQ(about->run_id, "abc");
  EXPECT_EQ(about->client_id, 42);
  ASSERT_EQ(about->setup.size(), 2u);
  EXPECT_EQ(about->setup[0].text(), "role");
}

TEST(Greeting, InfoAndPingMayBeForbidden) {
  const auto about = judge(client_options(), hello(), refusal("NOPERM no ping"), refusal("NOPERM no info"));
  ASSERT_TRUE(about.has_value());
  EXPECT_EQ(about->run_id, "");
}

TEST(Greeting, EveryRefusalSaysWhatToDoAndNeverThePassword) {
  const auto why = [](const result<connection_info>& of) {
    EXPECT_FALSE(of.has_value());
    EXPECT_EQ(of.error().code, errc::store_unavailable);
    EXPECT_FALSE(of.error().detail.contains("hunter2")) << of.error().detail;
    return of.error().detail;
  };
  const auto with = secretive();
  const auto rest = [] { return refusal("NOAUTH Authentication required."); };
  const auto of_hello = [&](const char* words) { return why(judge(with, refusal(words), rest(), rest())); };
  EXPECT_TRUE(of_hello("WRONGPASS invalid username-password pair").contains("password is wrong"));
  EXPECT_TRUE(
      of_hello("NOAUTH HELLO must be called with the client already authenticated").contains("is needed"));
  EXPECT_TRUE(of_hello("NOPROTO unsupported protocol version").contains("protocol 2 only"));
  EXPECT_TRUE(of_hello("ERR unknown command `HELLO`, with args beginning with: `3`, `AUTH`, `app`, `hunter2`")
                  .contains("protocol 2 only; Redis 6"));
  EXPECT_TRUE(why(judge(with, ok(), ok(), ok())).contains("not that of Redis"));
  EXPECT_TRUE(
      why(judge(with, hello(), refusal("LOADING Redis is loading"), ok())).contains("not ready: LOADING"));
  auto other = with;
  other.database = 99;
  EXPECT_TRUE(why(judge(other, hello(), refusal("ERR DB index is out of range"), ok(), text("")))
                  .contains("cannot SELECT 99"));
  other = with;
  other.setup.add("ACL SETUSER").arg("hunter2");
  EXPECT_TRUE(
      why(judge(other, hello(), ok(), text(""), refusal("ERR hunter2 is odd"))).contains("setting up"));
}

}  // namespace
}  // namespace strata::redis
