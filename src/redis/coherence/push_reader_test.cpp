#include "redis/coherence/push_reader.hpp"

#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace strata::redis {
namespace {

const std::string ours(16, 'a');
const std::string others(16, 'b');

resp::value text(std::string of) {
  return resp::value::text(resp::kind::bulk_string, std::move(of));
}
resp::value push(std::string kind, resp::value of) {
  std::vector<resp::value> items;
  items.push_back(text(std::move(kind)));
  items.push_back(std::move(of));
  return resp::value::aggregate(resp::kind::push, std::move(items));
}
resp::value invalidation(std::initializer_list<std::string> keys) {
  std::vector<resp::value> items;
  for (const auto& each : keys) items.push_back(text(each));
  return push("invalidate", resp::value::aggregate(resp::kind::array, std::move(items)));
}
resp::value flush() {
  return push("invalidate", resp::value());
}
resp::value message(const std::string& words) {
  std::vector<resp::value> items;
  for (const auto& each : {std::string("message"), std::string("strata-news:strata"), words}) {
    items.push_back(text(each));
  }
  return resp::value::aggregate(resp::kind::push, std::move(items));
}
/// A message about one changed key.
resp::value changed_message(const std::string& origin, const std::string& key) {
  return message(origin + 'c' + '\0' + static_cast<char>(key.size()) + key);
}

/// The keys of the changes in `events`; each must be a change.
std::vector<std::string> keys_of(const std::vector<any_push_event>& events) {
  std::vector<std::string> out;
  for (const auto& each : events) {
    const auto* changed = std::get_if<push_event::key_changed>(&each);
    out.emplace_back(changed == nullptr ? "not a change" : changed->key);
  }
  return out;
}

template <class Event>
bool is_only(const std::vector<any_push_event>& events) {
  return events.size() == 1 && std::holds_alternative<Event>(events.front());
}

using keys = std::vector<std::string>;

TEST(PushReader, ReportsTheKeysOfAnInvalidationInOrder) {
  push_reader reader(ours);
  const auto pushed = invalidation({"strata:b", "strata:a"});
  EXPECT_EQ(keys_of(reader.read(pushed)), (keys{"strata:b", "strata:a"}));
}

TEST(PushReader, IgnoresWhatTheStoreKeepsBesideTheValues) {
  push_reader reader(ours);
  const auto pushed = invalidation({lease_name("strata:a"), store_names("strata").clock});
  EXPECT_TRUE(reader.read(pushed).empty());
}

TEST(PushReader, SwallowsTheEchoOfAFillOnce) {
  push_reader reader(ours);
  reader.filled("strata:a");
  const auto pushed = invalidation({"strata:a", "strata:b"});
  EXPECT_EQ(keys_of(reader.read(pushed)), keys{"strata:b"}) << "the fill's own push";
  EXPECT_EQ(keys_of(reader.read(pushed)), (keys{"strata:a", "strata:b"})) << "a change by another client";
}

TEST(PushReader, WaitsForAnEchoForTwoHeartbeatsAndNoLonger) {
  const auto pushed = invalidation({"strata:a"});
  push_reader reader(ours);
  reader.filled("strata:a");
  reader.heartbeat_answered();
  reader.heartbeat_answered();
  EXPECT_TRUE(reader.read(pushed).empty());
  reader.filled("strata:a");
  for (int i = 0; i < 3; ++i) reader.heartbeat_answered();
  EXPECT_EQ(keys_of(reader.read(pushed)), keys{"strata:a"});
}

TEST(PushReader, ExpectsNoEchoOnAnotherConnection) {
  push_reader reader(ours);
  reader.filled("strata:a");
  reader.restart();
  const auto pushed = invalidation({"strata:a"});
  EXPECT_EQ(keys_of(reader.read(pushed)), keys{"strata:a"});
}

TEST(PushReader, ReportsAFlushAndThenExpectsNoEcho) {
  push_reader reader(ours);
  reader.filled("strata:a");
  EXPECT_TRUE(push_reader::is_flush(flush()));
  EXPECT_TRUE(is_only<push_event::flushed>(reader.read(flush())));
  const auto pushed = invalidation({"strata:a"});
  EXPECT_FALSE(push_reader::is_flush(pushed));
  EXPECT_EQ(keys_of(reader.read(pushed)), keys{"strata:a"});
}

TEST(PushReader, ReportsMessagesOfOtherProcessesOnly) {
  push_reader reader(ours);
  const auto theirs = changed_message(others, "strata:a");
  EXPECT_EQ(keys_of(reader.read(theirs)), keys{"strata:a"});
  const auto own = changed_message(ours, "strata:a");
  EXPECT_TRUE(reader.read(own).empty());
}

TEST(PushReader, ReportsAChangeOnTheChannelAlthoughAnEchoIsExpected) {
  push_reader reader(ours);
  reader.filled("strata:a");
  const auto theirs = changed_message(others, "strata:a");
  EXPECT_EQ(keys_of(reader.read(theirs)), keys{"strata:a"});
  const auto echo = invalidation({"strata:a"});
  EXPECT_TRUE(reader.read(echo).empty()) << "still the echo";
}

/// A message about one key whose value was replaced.
resp::value replaced_message(const std::string& origin, const std::string& key) {
  return message(origin + 'c' + '\0' + '\0' + '\0' + static_cast<char>(key.size()) + key);
}

/// Whether `push` is about one key, and says that it was not removed.
bool says_replaced(push_reader& reader, const resp::value& push) {
  const auto events = reader.read(push);
  return is_only<push_event::key_changed>(events) &&
         std::get<push_event::key_changed>(events.front()).replaced;
}

TEST(PushReader, KnowsFromTheChannelThatAKeyWasReplaced) {
  push_reader reader(ours);
  EXPECT_TRUE(says_replaced(reader, replaced_message(others, "strata:a")));
  EXPECT_TRUE(says_replaced(reader, invalidation({"strata:a"}))) << "the push about the same change";
  EXPECT_FALSE(says_replaced(reader, invalidation({"strata:a"}))) << "a removal by another program, perhaps";
}

TEST(PushReader, TakesAPushForARemovalAfterAMessageAboutOne) {
  push_reader reader(ours);
  EXPECT_TRUE(says_replaced(reader, replaced_message(others, "strata:a")));
  EXPECT_FALSE(says_replaced(reader, changed_message(others, "strata:a")));
  EXPECT_FALSE(says_replaced(reader, invalidation({"strata:a"})));
}

TEST(PushReader, KnowsOfItsOwnProcessThatAKeyWasOnlyExpired) {
  push_reader reader(ours);
  const auto own = replaced_message(ours, "strata:a");
  EXPECT_TRUE(reader.read(own).empty());
  EXPECT_TRUE(says_replaced(reader, invalidation({"strata:a"})));
}

TEST(PushReader, ForgetsAReplacementWhosePushDoesNotCome) {
  push_reader reader(ours);
  EXPECT_TRUE(says_replaced(reader, replaced_message(others, "strata:a")));
  for (int answered = 0; answered < 3; ++answered) reader.heartbeat_answered();
  EXPECT_FALSE(says_replaced(reader, invalidation({"strata:a"})));
}

TEST(PushReader, ReportsFloorsClearsAndEpochs) {
  push_reader reader(ours);
  const floor_entry floor{.bucket = 7, .asof = 42, .soft = true};
  const auto floors = message(others + 'f' + floor_field(floor) + "=42");
  const auto raised = reader.read(floors);
  ASSERT_TRUE(is_only<push_event::floor_raised>(raised));
  EXPECT_EQ(std::get<push_event::floor_raised>(raised.front()).floor.bucket, 7u);
  EXPECT_EQ(std::get<push_event::floor_raised>(raised.front()).floor.asof, 42u);
  EXPECT_TRUE(std::get<push_event::floor_raised>(raised.front()).floor.soft);
  const auto cleared = reader.read(message(others + "l9"));
  ASSERT_TRUE(is_only<push_event::cleared>(cleared));
  EXPECT_EQ(std::get<push_event::cleared>(cleared.front()).epoch, 9u);
  const auto begun = reader.read(message(others + "e10"));
  ASSERT_TRUE(is_only<push_event::epoch_begun>(begun));
  EXPECT_EQ(std::get<push_event::epoch_begun>(begun.front()).epoch, 10u);
}

TEST(PushReader, ReportsAMessageThatItCannotRead) {
  push_reader reader(ours);
  for (const auto& words : {others + "z1", others + "l", std::string("short"), others + "c\x01"}) {
    EXPECT_TRUE(is_only<push_event::unreadable>(reader.read(message(words)))) << words;
  }
}

TEST(PushReader, IgnoresPushesOfOtherKinds) {
  push_reader reader(ours);
  EXPECT_TRUE(reader.read(push("subscribe", text("strata-news:strata"))).empty());
  EXPECT_TRUE(reader.read(text("OK")).empty());
}

}  // namespace
}  // namespace strata::redis
