/// How a value reaches the second level: compressed, encrypted, or not at all.

#include "engine/engine_test_support.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <limits>

namespace {

using namespace strata;
using engine_test::agent;
using engine_test::fixture;
using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;

/// Two caches over one store, a connection to look at it, and one entity under a policy.
struct shared_store {
  strata::testing::manual_clock time;
  std::shared_ptr<memory_server> server = make_memory_server(time);
  std::shared_ptr<store> raw = connect(server);
  entity<agent, "agent:{id}"> agents;
  cache a, b;

  shared_store(policy rules, std::shared_ptr<const key_ring> keys_of_a,
               std::shared_ptr<const key_ring> keys_of_b)
      : agents((rules.ttl = 60s, rules.jitter = 0, rules)),
        a(fixture::on(time, {.second_level = connect(server), .encryption = std::move(keys_of_a)})),
        b(fixture::on(time, {.second_level = connect(server), .encryption = std::move(keys_of_b)})) {}

  lookup<agent> read(cache& from, std::string_view id, std::string_view name) {
    return sync_wait(from.get_or_set(agents(id), [&] { return agent{std::string(id), std::string(name)}; }));
  }
  std::string stored(std::string_view id) {
    const auto found = *sync_wait(raw->get("strata:agent:" + std::string(id)));
    return found ? found->bytes : std::string();
  }
  /// Puts `bytes` under `id`, as anyone with the store's password can.
  void plant(std::string_view id, std::string_view bytes) {
    sync_wait(raw->put("strata:agent:" + std::string(id), bytes, 60s));
  }
  static std::uint64_t withheld(const cache& of) {
    std::uint64_t sum = 0;
    for (const auto& each : of.stats().types) sum += each.fills_withheld;
    return sum;
  }
};

std::shared_ptr<key_ring> ring(std::string_view text) {
  return std::make_shared<key_ring>(text);
}
const std::string key_one = "1:" + key_ring::generate();
const std::string key_two = "2:" + key_ring::generate();

TEST(Encoding, ASensitiveValueIsSharedAndNotReadable) {
  shared_store s({.sensitive = true}, ring(key_one), ring(key_one));
  EXPECT_TRUE(s.read(s.a, "1", "Ada Lovelace").info().stored);
  EXPECT_THAT(s.stored("1"), HasSubstr("S1"));
  EXPECT_THAT(s.stored("1"), Not(HasSubstr("Lovelace")));
  const auto found = s.read(s.b, "1", "never");
  EXPECT_EQ(found->name, "Ada Lovelace");
  EXPECT_EQ(found.info().from, layer::l2);
}

TEST(Encoding, ASensitiveValueWithoutKeysStaysInMemory) {
  for (const auto& none : {std::shared_ptr<key_ring>(), std::make_shared<key_ring>()}) {
    shared_store s({.sensitive = true}, none, none);
    EXPECT_TRUE(s.read(s.a, "1", "Ada").info().stored);
    EXPECT_EQ(s.stored("1"), "");
    EXPECT_EQ(s.read(s.a, "1", "never").info().from, layer::l1);
    EXPECT_EQ(s.read(s.b, "1", "another read")->name, "another read");
    EXPECT_EQ(s.withheld(s.a), 1u);
    sync_wait(s.a.set(s.agents("2"), agent{"2", "Bob"}));
    EXPECT_EQ(s.stored("2"), "");
    EXPECT_EQ(s.read(s.a, "2", "never")->name, "Bob");
    EXPECT_EQ(s.withheld(s.a), 2u);
  }
}

TEST(Encoding, WhatStaysInMemoryIsStillInvalidatedByOthers) {
  shared_store s({.sensitive = true}, nullptr, nullptr);
  s.read(s.a, "1", "old");
  sync_wait(s.b.remove(s.agents("1")));
  EXPECT_EQ(s.read(s.a, "1", "new")->name, "new");
}

TEST(Encoding, WithoutKeysNoLeaseIsLeftBehind) {
  shared_store s({.sensitive = true}, nullptr, ring(key_one));
  s.read(s.a, "1", "Ada");
  EXPECT_TRUE(s.read(s.b, "1", "Bob").info().stored);
  sync_wait(s.a.set(s.agents("2"), agent{"2", "Ada"}));
  EXPECT_TRUE(s.read(s.b, "2", "Bob").info().stored);
}

TEST(Encoding, RotationReadsTheOldKeyAndWritesTheNew) {
  const auto both = ring(key_two + " " + key_one);
  shared_store s({.sensitive = true}, ring(key_one), both);
  s.read(s.a, "1", "sealed with the old");
  EXPECT_EQ(s.read(s.b, "1", "never")->name, "sealed with the old");
  s.read(s.b, "2", "sealed with the new");
  // A process that has not heard of the new key yet takes it for a miss, and says why.
  EXPECT_EQ(sync_wait(s.a.get(s.agents("2"))).info().reason, miss_reason::undecodable);
  const auto told = sync_wait(s.a.explain(s.agents("2").key));
  EXPECT_THAT(told.levels[1].detail, HasSubstr("key 2, which is not in the ring"));
}

TEST(Encoding, AValuePastedUnderAnotherKeyIsAMiss) {
  for (const bool sensitive : {false, true}) {
    shared_store s({.sensitive = sensitive}, ring(key_one), ring(key_one));
    s.read(s.a, "admin", "all permissions");
    s.plant("guest", s.stored("admin"));
    const auto read = sync_wait(s.b.get(s.agents("guest")));
    EXPECT_FALSE(read);
    EXPECT_EQ(read.info().reason, miss_reason::unauthentic);
    EXPECT_EQ(s.read(s.b, "guest", "none")->name, "none");
    EXPECT_EQ(s.read(s.a, "guest", "never")->name, "none") << "the factory's value replaced what was planted";
  }
}

TEST(Encoding, AClearValuePlantedUnderASensitiveKeyIsAMiss) {
  shared_store s({.sensitive = true}, ring(key_one), ring(key_one));
  shared_store open({}, nullptr, nullptr);
  open.read(open.a, "1", "forged");
  s.plant("1", open.stored("1"));
  EXPECT_EQ(s.read(s.a, "1", "true")->name, "true");
}

TEST(Encoding, AValueWithoutAMacIsAMissWhereThereAreKeys) {
  shared_store s({}, ring(key_one), ring(key_one));
  shared_store open({}, nullptr, nullptr);
  open.read(open.a, "1", "forged, with the right checksum");
  s.plant("1", open.stored("1"));
  const auto read = sync_wait(s.b.get(s.agents("1")));
  EXPECT_FALSE(read);
  EXPECT_EQ(read.info().reason, miss_reason::unauthentic);
  EXPECT_EQ(sync_wait(s.b.explain(s.agents("1").key)).levels[1].reason, miss_reason::unauthentic);
  EXPECT_EQ(s.read(s.b, "1", "true")->name, "true");
  EXPECT_EQ(s.read(s.a, "1", "never")->name, "true") << "what has a MAC is shared and readable";
}

TEST(Encoding, ALongValueIsCompressedAndASecretIsNot) {
  const std::string even(5000, 'x');
  shared_store open({}, nullptr, nullptr);
  open.read(open.a, "1", even);
  EXPECT_LT(open.stored("1").size(), 300u);
  EXPECT_EQ(open.read(open.b, "1", "never")->name, even);
  shared_store secret({.sensitive = true}, ring(key_one), ring(key_one));
  secret.read(secret.a, "1", even);
  EXPECT_GT(secret.stored("1").size(), even.size());
}

TEST(Encoding, CompressingDoesNotWidenTheSizeLimit) {
  shared_store s({.max_size = {4000}}, nullptr, nullptr);
  const auto read = s.read(s.a, "1", std::string(5000, 'x'));
  EXPECT_FALSE(read.info().stored);
  EXPECT_EQ(read.info().reason, miss_reason::too_large);
  EXPECT_EQ(s.stored("1"), "");
}

/// Reads by the cache that has nothing in memory.
void expect_a_miss(shared_store& s, std::string_view bytes, const std::string& what) {
  s.plant("1", bytes);
  const auto read = sync_wait(s.b.get(s.agents("1")));
  ASSERT_FALSE(read) << what;
  ASSERT_THAT(read.info().reason, ::testing::AnyOf(miss_reason::undecodable, miss_reason::unauthentic))
      << what;
  ASSERT_FALSE(read.known_absent()) << what;
}

TEST(Encoding, WhatIsCutOffOrChangedAnywhereIsAMissWithItsReason) {
  for (const bool sensitive : {false, true}) {
    shared_store s({.sensitive = sensitive}, ring(key_one), ring(key_one));
    s.read(s.a, "1", "Ada");
    const auto good = s.stored("1");
    for (std::size_t size = 0; size < good.size(); ++size) {
      expect_a_miss(s, good.substr(0, size), "cut to " + std::to_string(size));
    }
    for (std::size_t at = 0; at < good.size(); ++at) {
      for (const int bit : {0, 7}) {
        auto changed = good;
        changed[at] = static_cast<char>(changed[at] ^ (1 << bit));
        expect_a_miss(s, changed, "changed at " + std::to_string(at));
      }
    }
    s.plant("1", good);
    EXPECT_EQ(s.read(s.b, "1", "never")->name, "Ada") << "the test plants what can be read";
  }
}

TEST(Encoding, AValueOfAnotherTypeIsAMissWithItsReason) {
  shared_store s({}, nullptr, nullptr);
  const entity<std::vector<int>, "agent:{id}"> numbers{{.ttl = 60s, .jitter = 0}};
  sync_wait(s.a.set(numbers("1"), std::vector{1, 2, 3}));
  const auto read = sync_wait(s.b.get(s.agents("1")));
  EXPECT_FALSE(read);
  EXPECT_EQ(read.info().reason, miss_reason::undecodable);
  EXPECT_EQ(s.read(s.b, "1", "Ada")->name, "Ada");
}

TEST(Encoding, AValueThatIsReplayedBelowAFloorIsAMissWithItsReason) {
  for (const bool sensitive : {false, true}) {
    shared_store s({.tags = {"team"}, .sensitive = sensitive}, ring(key_one), ring(key_one));
    s.read(s.a, "1", "dismissed");
    const auto recorded = s.stored("1");
    sync_wait(s.a.remove_by_tag("team"));
    s.plant("1", recorded);
    for (auto* each : {&s.a, &s.b}) {
      const auto read = sync_wait(each->get(s.agents("1")));
      EXPECT_FALSE(read);
      EXPECT_EQ(read.info().reason, miss_reason::tag);
    }
  }
}

/// A value with a number that JSON may not have.
struct reading {
  std::string id;
  std::optional<double> degrees;
  std::string place = "here";
  bool operator==(const reading&) const = default;
};
BOOST_DESCRIBE_STRUCT(reading, (), (id, degrees, place))

/// Keeps what was reported as an error.
struct error_log : cache_observer {
  std::vector<std::string> details;
  void on_error(std::string_view, const error& what) override { details.push_back(what.detail); }
};

TEST(Encoding, AValueThatOthersCouldNotReadIsReturnedAndStoredNowhere) {
  strata::testing::manual_clock time;
  const auto server = make_memory_server(time);
  const auto log = std::make_shared<error_log>();
  cache a(fixture::on(time, {.second_level = connect(server), .observer = log}));
  cache b(fixture::on(time, {.second_level = connect(server)}));
  const entity<reading, "reading:{id}"> readings{{.ttl = 60s, .jitter = 0}};
  const auto nan = std::numeric_limits<double>::quiet_NaN();
  for (const auto& [wrong, why] : std::vector<std::pair<reading, std::string>>{
           {{"1", nan}, "/degrees is not a finite number, and JSON has no other"},
           {{"2", {}, "\xff"}, "/place is text that is not UTF-8"}}) {
    const auto read = sync_wait(a.get_or_set(readings(wrong.id), [&] { return wrong; }));
    EXPECT_EQ(read->place, wrong.place);
    EXPECT_FALSE(read.info().stored);
    EXPECT_EQ(read.info().reason, miss_reason::unstorable);
    EXPECT_EQ(log->details.back(), why);
    EXPECT_EQ(sync_wait(a.get(readings(wrong.id))).info().from, layer::none);
    // Its lease is given back, so that another process may fill.
    const auto other = sync_wait(b.get_or_set(readings(wrong.id), [&] { return reading{wrong.id, 20.5}; }));
    EXPECT_TRUE(other.info().stored);
    EXPECT_FALSE(sync_wait(a.set(readings(wrong.id), wrong)));
    EXPECT_EQ(log->details.back(), why);
    EXPECT_EQ(sync_wait(b.get(readings(wrong.id))).info().from, layer::none) << "the value before it is gone";
  }
}

TEST(Encoding, AValueWithATagThatNoEntryHoldsIsReturnedAndStoredNowhere) {
  for (const auto& tags : std::vector<std::vector<std::string>>{{std::string(65'536, 't'), "other"},
                                                                {std::string(1025, 't')},
                                                                {""},
                                                                std::vector<std::string>(300, "t")}) {
    shared_store s({}, nullptr, nullptr);
    auto given = tags;
    for (std::size_t i = 0; given.size() == 300 && i < 300; ++i) given[i] += std::to_string(i);
    const auto fill = [&](fill_context& context) {
      context.set_tags(given);
      return agent{"1", "Ada"};
    };
    const auto read = sync_wait(s.a.get_or_set(s.agents("1"), fill));
    EXPECT_EQ(read->name, "Ada");
    EXPECT_FALSE(read.info().stored);
    EXPECT_EQ(read.info().reason, miss_reason::unstorable);
    EXPECT_EQ(s.stored("1"), "");
    EXPECT_EQ(s.read(s.b, "1", "Bob")->name, "Bob");
  }
}

TEST(Encoding, TheLongestTagsReachOtherProcesses) {
  shared_store s({}, nullptr, nullptr);
  std::vector<std::string> tags{std::string(1024, 't'), "other"};
  while (tags.size() < 255) tags.push_back(std::to_string(tags.size()) + std::string(1000, 'x'));
  const auto fill = [&](fill_context& context) {
    context.set_tags(tags);
    return agent{"1", "Ada"};
  };
  EXPECT_TRUE(sync_wait(s.a.get_or_set(s.agents("1"), fill)).info().stored);
  EXPECT_EQ(s.read(s.b, "1", "never")->name, "Ada");
  sync_wait(s.a.remove_by_tag("other"));
  EXPECT_EQ(s.read(s.b, "1", "Bob")->name, "Bob");
}

}  // namespace
