#include "redis/connection/multiplexer.hpp"

#include <algorithm>
#include <deque>
#include <random>

#include <gtest/gtest.h>

namespace strata::redis {
namespace {

using namespace std::chrono_literals;

const time_point start{100s};
const error gone{errc::store_unavailable, "gone"};

struct outcome {
  std::string what;   // the first command's argument
  std::string reply;  // or "timeout", "store_unavailable"
  bool operator==(const outcome&) const = default;
};

void PrintTo(const outcome& of, std::ostream* out) {
  *out << of.what << " -> " << of.reply;
}

/// A multiplexer, and the bytes it has sent.
class wire {
 public:
  explicit wire(time_point now = start) : requests(now) {}

  request* ask(const std::string& what, bool retryable = false, duration within = 1s) {
    auto* made = new request(resp::command("GET").arg(what), now + within, retryable);
    requests.add(made);
    return made;
  }
  std::size_t send(std::size_t enough = 1u << 20) {
    sent.clear();
    return requests.take(sent, enough, now);
  }
  void answer(const std::string& with) {
    EXPECT_TRUE(requests.answer(resp::value::text(resp::kind::bulk_string, with)));
  }
  std::vector<outcome> done() {
    std::vector<outcome> all;
    while (request* one = requests.next_completed()) {
      const std::string_view bytes = one->what.bytes();
      const auto name = bytes.substr(0, bytes.size() - 2);
      std::string reply(one->failed ? name_of(one->failed->code) : one->reply.text());
      for (const auto& each : one->replies) reply += resp::to_text(each) + " ";
      all.push_back({std::string(name.substr(name.rfind('\n') + 1)), reply});
      one->drop();
    }
    return all;
  }

  static std::string_view name_of(errc code) { return strata::name(code); }

  multiplexer requests;
  std::string sent;
  time_point now = start;
};

TEST(Multiplexer, WhatWaitsIsSentInOneGo) {
  wire with;
  with.ask("a");
  with.ask("b");
  EXPECT_EQ(with.send(), 2u);
  EXPECT_EQ(with.sent, "*2\r\n$3\r\nGET\r\n$1\r\na\r\n*2\r\n$3\r\nGET\r\n$1\r\nb\r\n");
  EXPECT_EQ(with.requests.depth(), 2u);
  EXPECT_EQ(with.send(), 0u);
}

TEST(Multiplexer, StopsWhenThereIsEnoughToWrite) {
  wire with;
  for (int i = 0; i < 10; ++i) with.ask("x");
  EXPECT_EQ(with.send(45), 3u);
  EXPECT_TRUE(with.requests.has_waiting());
  EXPECT_EQ(with.send(), 7u);
}

TEST(Multiplexer, RepliesBelongToTheOldest) {
  wire with;
  with.ask("a");
  with.ask("b");
  with.send();
  with.answer("1");
  with.ask("c");
  with.send();
  with.answer("2");
  with.answer("3");
  const std::vector<outcome> expected{{"a", "1"}, {"b", "2"}, {"c", "3"}};
  EXPECT_EQ(with.done(), expected);
  EXPECT_EQ(with.requests.depth(), 0u);
}

TEST(Multiplexer, AReplyThatNobodyAskedForIsNoticed) {
  wire with;
  EXPECT_FALSE(with.requests.answer({}));
  with.ask("waits");
  EXPECT_FALSE(with.requests.answer({}));
}

TEST(Multiplexer, APipelineIsDoneWithItsLastReply) {
  wire with;
  resp::pipeline batch;
  batch.add("GET").arg("a").add("GET").arg("b");
  with.requests.add(new request(batch, start + 1s, false));
  with.ask("c");
  with.send();
  EXPECT_EQ(with.requests.depth(), 3u);
  with.answer("1");
  EXPECT_TRUE(with.done().empty());
  with.answer("2");
  with.answer("3");
  const std::vector<outcome> expected{{"b", "\"1\" \"2\" "}, {"c", "3"}};
  EXPECT_EQ(with.done(), expected);
}

TEST(Multiplexer, TheReplyToALateRequestIsDropped) {
  wire with;
  with.ask("late", false, 10ms);
  with.ask("b");
  with.send();
  with.now += 100ms;
  with.requests.expire(with.now);
  const std::vector<outcome> late{{"late", "timeout"}};
  EXPECT_EQ(with.done(), late);
  with.answer("of late");
  with.answer("of b");
  const std::vector<outcome> expected{{"b", "of b"}};
  EXPECT_EQ(with.done(), expected);
}

TEST(Multiplexer, ALateRequestThatWasNotSentNeverIs) {
  wire with;
  with.ask("swept", false, 10ms);
  with.ask("unswept", false, 20ms);
  with.now += 15ms;
  with.requests.expire(with.now);
  with.now += 5ms;
  EXPECT_EQ(with.send(), 0u);
  const std::vector<outcome> expected{{"swept", "timeout"}, {"unswept", "timeout"}};
  EXPECT_EQ(with.done(), expected);
  EXPECT_EQ(with.requests.counted().timeouts, 2u);
  EXPECT_EQ(with.requests.take_gone().requests, 2u);
}

TEST(Multiplexer, AnAbandonedRequestIsNotSentAndItsReplyNobodys) {
  wire with;
  with.ask("a")->standing = request::stand::abandoned;
  request* const second = with.ask("b");
  with.ask("c");
  EXPECT_EQ(with.send(), 2u);
  second->standing = request::stand::abandoned;
  with.answer("of b");
  with.answer("of c");
  const std::vector<outcome> expected{{"b", "of b"},
                                      {"c", "of c"}};  // the code that wakes them sees that b is gone
  EXPECT_EQ(with.done(), expected);
}

TEST(Multiplexer, AfterALossOnlyTheRetryableAreSentAgainAndFirst) {
  wire with;
  with.ask("answered", true);
  with.ask("read", true);
  with.ask("write", false);
  with.ask("read 2", true);
  with.send();
  with.answer("1");
  with.ask("waits", false);
  with.requests.lost(gone);
  const std::vector<outcome> failed{{"answered", "1"}, {"write", "store_unavailable"}};
  EXPECT_EQ(with.done(), failed);
  EXPECT_EQ(with.requests.depth(), 0u);
  EXPECT_EQ(with.requests.oldest(), std::nullopt);
  EXPECT_EQ(with.send(), 3u);
  EXPECT_LT(with.sent.find("read"), with.sent.find("read 2"));
  EXPECT_LT(with.sent.find("read 2"), with.sent.find("waits"));
  EXPECT_EQ(with.requests.counted().resent, 2u);
  EXPECT_EQ(with.requests.counted().unanswered, 1u);
}

TEST(Multiplexer, WhatIsUnknownAfterALossSaysSo) {
  wire with;
  request* const write = with.ask("write");
  write->hold();
  with.send();
  with.requests.lost(gone);
  EXPECT_EQ(write->failed->detail, "gone; outcome unknown");
  write->drop();
}

TEST(Multiplexer, APipelineIsSentAgainFromItsBeginning) {
  wire with;
  resp::pipeline batch;
  batch.add("GET").arg("a").add("GET").arg("b");
  with.requests.add(new request(batch, start + 1s, true));
  with.send();
  with.answer("old");
  with.requests.lost(gone);
  with.send();
  with.answer("1");
  with.answer("2");
  const std::vector<outcome> expected{{"b", "\"1\" \"2\" "}};
  EXPECT_EQ(with.done(), expected);
}

TEST(Multiplexer, WhoWaitsIsRefusedAtOnce) {
  wire with;
  with.ask("a", true);
  with.ask("b");
  with.requests.refuse(gone);
  const std::vector<outcome> expected{{"a", "store_unavailable"}, {"b", "store_unavailable"}};
  EXPECT_EQ(with.done(), expected);
  EXPECT_FALSE(with.requests.has_waiting());
  EXPECT_FALSE(with.requests.has_deadlines());
}

TEST(Multiplexer, TheGreetingIsAloneAndFirst) {
  wire with;
  with.ask("a");
  with.requests.add_first(new request(resp::command("HELLO").arg(3), start + 1s, false));
  EXPECT_EQ(with.requests.take(with.sent, 1u << 20, start, true), 1u);
  EXPECT_TRUE(with.sent.contains("HELLO"));
  EXPECT_FALSE(with.sent.contains("GET"));
}

TEST(Multiplexer, AConfirmationIsTheReplyToASubscription) {
  wire with;
  const auto push = [](const std::string& kind) {
    std::vector<resp::value> items;
    items.push_back(resp::value::text(resp::kind::bulk_string, kind));
    return resp::value::aggregate(resp::kind::push, std::move(items));
  };
  with.ask("a");
  with.requests.add(new request(resp::command("SUBSCRIBE").arg("x").arg("y"), start + 1s, false));
  with.ask("b");
  with.send();
  with.requests.confirm(push("subscribe"));  // not requested by the first, so it belongs to none
  with.answer("1");
  with.requests.confirm(push("message"));
  with.requests.confirm(push("subscribe"));
  EXPECT_EQ(with.done().size(), 1u);
  with.requests.confirm(push("subscribe"));
  with.answer("2");
  const std::vector<outcome> expected{{"y", ""}, {"b", "2"}};
  EXPECT_EQ(with.done(), expected);
}

TEST(Multiplexer, CountsWhatIsGone) {
  wire with;
  const auto size = with.ask("a")->what.bytes().size();
  with.ask("b");
  with.send();
  with.answer("1");
  const auto one = with.requests.take_gone();
  EXPECT_EQ(one.requests, 1u);
  EXPECT_EQ(one.bytes, size);
  EXPECT_EQ(with.requests.take_gone().requests, 0u);
  with.done();
}

TEST(Multiplexer, RemembersWhenTheOldestWasSent) {
  wire with;
  with.ask("a");
  EXPECT_EQ(with.requests.oldest(), std::nullopt);
  with.send();
  with.now += 5ms;
  with.ask("b");
  with.send();
  EXPECT_EQ(with.requests.oldest(), start);
  with.answer("1");
  EXPECT_EQ(with.requests.oldest(), start + 5ms);
  with.done();
}

/// Whatever happens: each request ends exactly once, no reply goes to the wrong one, no write is sent twice.
TEST(Multiplexer, KeepsItsPromisesUnderRandomEvents) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (int round = 0; round < 200; ++round) {
    wire with;
    std::deque<std::string> server;  // what it has received and not answered
    std::vector<int> times_sent(200, 0);
    std::vector<outcome> ended;
    int asked = 0;
    const auto collect = [&] {
      for (auto& each : with.done()) ended.push_back(std::move(each));
    };
    for (int step = 0; step < 400; ++step) {
      switch (random() % 8) {
        case 0:
        case 1:
        case 2:
          if (asked < 200) {
            with.ask(std::to_string(asked), asked % 2 == 0, std::chrono::milliseconds(1 + random() % 60));
            ++asked;
          }
          break;
        case 3: {
          with.send(random() % 300);
          std::string_view bytes = with.sent;
          while (!bytes.empty()) {
            const auto key_line = bytes.find("GET\r\n$") + 5;
            const auto key = bytes.find('\n', key_line) + 1;
            const auto end = bytes.find('\r', key);
            server.emplace_back(bytes.substr(key, end - key));
            ++times_sent[static_cast<std::size_t>(std::stoi(server.back()))];
            bytes.remove_prefix(end + 2);
          }
          break;
        }
        case 4:
        case 5:
          if (!server.empty()) {
            with.answer("of " + server.front());
            server.pop_front();
          }
          break;
        case 6:
          with.now += std::chrono::milliseconds(random() % 10);
          with.requests.expire(with.now);
          break;
        default:
          if (random() % 8 != 0) break;
          server.clear();
          with.requests.lost(gone);
          if (random() % 2 == 0) with.requests.refuse(gone);
          break;
      }
      collect();
    }
    with.requests.lost(gone);
    with.requests.refuse(gone);
    collect();
    ASSERT_EQ(ended.size(), static_cast<std::size_t>(asked));
    for (const auto& each : ended) {
      if (each.reply.starts_with("of ")) {
        ASSERT_EQ(each.reply, "of " + each.what);
      }
    }
    std::ranges::sort(ended, {}, &outcome::what);
    ASSERT_EQ(std::ranges::adjacent_find(ended, {}, &outcome::what), ended.end());
    for (std::size_t i = 1; i < times_sent.size(); i += 2) ASSERT_LE(times_sent[i], 1);
    const auto left = with.requests.take_gone();
    ASSERT_EQ(left.requests, static_cast<std::size_t>(asked));
    ASSERT_FALSE(with.requests.has_deadlines());
  }
}

}  // namespace
}  // namespace strata::redis
