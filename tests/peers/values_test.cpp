/// What is stored and returned: values, absences, encodings and keys.

#include "tests/peers/support.hpp"

#include <boost/describe.hpp>

namespace strata::peers {

/// A value whose encoding throws, as one whose serializer has a bug.
struct unwritable {
  bool broken = true;
};
/// A value whose decoding throws.
struct unreadable {
  int value = 0;
};
/// A value of two releases: the second one has a member more.
struct first_release {
  std::string id;
};
struct second_release {
  std::string id;
  std::optional<std::string> team;
};
BOOST_DESCRIBE_STRUCT(first_release, (), (id))
BOOST_DESCRIBE_STRUCT(second_release, (), (id, team))

}  // namespace strata::peers

namespace strata {

template <>
struct codec<peers::unwritable> {
  static void encode(const peers::unwritable& value, std::string&) {
    if (value.broken) throw std::domain_error("no encoding");
  }
  static result<peers::unwritable> decode(std::string_view) { return peers::unwritable{false}; }
  static std::size_t size(const peers::unwritable&) { return 1; }
};
template <>
struct codec<peers::unreadable> {
  static void encode(const peers::unreadable&, std::string& out) { out += 'x'; }
  static result<peers::unreadable> decode(std::string_view) { throw std::domain_error("no decoding"); }
  static std::size_t size(const peers::unreadable&) { return 1; }
};

}  // namespace strata

namespace strata::peers {
namespace {

// FusionCache F10: SetOverwritesAnExistingValue, GetOrSetDoesNotOverwriteANonExpiredValue
TEST(PeersValues, ASetReplacesAndAReadDoesNot) {
  process p;
  source db;
  p.put(number(), 1);
  p.put(number(), 2);
  EXPECT_TRUE(is(p.read(number(), db.fast(3)), 2));
  EXPECT_EQ(db.calls, 0);
}

// FusionCache F16: AdaptiveCaching, AdaptiveCachingDoesNotChangeOptions
TEST(PeersValues, AFactoryChoosesTheTtlOfItsValueAlone) {
  process p;
  const auto short_lived = [](fill_context& fill) {
    fill.set_ttl(1s);
    return 1;
  };
  EXPECT_EQ(p.read(number(), short_lived).info().ttl, 1s);
  p.advance(1s);
  EXPECT_TRUE(is_miss(p.get(number())));
  EXPECT_EQ(p.read(number(), [] { return 2; }).info().ttl, 1h);
}

// FusionCache F24: CanConditionalRefresh
// FusionCache G11: L1L2 CanHandleConditionalRefresh
TEST(PeersValues, AnUnchangedValueIsConfirmedFromAnyProcess) {
  group g(2);
  const policy rules{.ttl = 1s, .jitter = 0, .fail_safe = true};
  int requests = 0, conditional = 0, whole = 0;
  int version = 1;
  const auto ask = [&](fill_context& fill) {
    ++requests;
    const int* known = fill.previous<int>();
    conditional += known != nullptr ? 1 : 0;
    if (known != nullptr && *known == version) {
      fill.not_modified();
      return 0;
    }
    ++whole;
    return version;
  };
  EXPECT_TRUE(is(g[0].read(number(rules), ask), 1));
  g.advance(1s);
  EXPECT_TRUE(is(g[1].read(number(rules), ask), 1));  // the other process knows the version from the store
  version = 2;
  g.advance(1s);
  EXPECT_TRUE(is(g[0].read(number(rules), ask), 2));
  g.advance(1s);
  EXPECT_TRUE(is(g[0].read(number(rules), ask), 2));
  EXPECT_EQ(requests, 4);
  EXPECT_EQ(conditional, 3);
  EXPECT_EQ(whole, 2);
}

// FusionCache F44/Q8: HandlesFlexibleSimpleTypeConversions
// Different: a key has one type, and another one is a miss.
// See docs/guide/values.md#steps
TEST(PeersValues, AValueOfAnotherTypeIsAMiss) {
  process p;
  p.put(number(), 42);
  const entity<std::string, "number:{id}"> text;
  const auto read = p.run(p.cache.get(text("a")));
  EXPECT_FALSE(read);
  EXPECT_EQ(read.info().reason, miss_reason::undecodable);
}

// FusionCache G07/Q5: ReThrowsSerializationExceptions
TEST(PeersValues, AnExceptionOfACodecReachesTheCallerAndBlocksNoOther) {
  group g(2);
  const typed_key<unwritable> key = entity<unwritable, "broken:{id}">()("a");
  EXPECT_THROW(g[0].run(g[0].cache.set(key, unwritable{})), std::domain_error);
  EXPECT_THROW(g[0].run(g[0].cache.set_many(std::vector{std::pair(key, unwritable{})})), std::domain_error);
  EXPECT_THROW(g[0].run(g[0].cache.get_or_set(key, [] { return unwritable{}; })), std::domain_error);
  EXPECT_TRUE(g[1].run(g[1].cache.get_or_set(key, [] { return unwritable{false}; })).info().stored);
}

// symfony S06: AdapterTestCase testNotUnserializable
// Different: an exception is a bug of the codec, an error is a miss.
// See docs/guide/coming_from.md#what-strata-does-differently
TEST(PeersValues, ACodecThatThrowsWhileItDecodesIsNotHidden) {
  group g(2);
  const typed_key<unreadable> key = entity<unreadable, "broken:{id}">()("a");
  g[0].run(g[0].cache.set(key, unreadable{}));
  EXPECT_THROW(g[1].run(g[1].cache.get(key)), std::domain_error);
}

// FusionCache G19: SerializationTests CanDeserializeOldSnapshots
TEST(PeersValues, TwoReleasesReadEachOthersValues) {
  group g(2);
  const entity<first_release, "agent:{id}"> before;
  const entity<second_release, "agent:{id}"> after;
  g[0].run(g[0].cache.set(before("1"), first_release{"1"}));
  EXPECT_EQ(g[1].run(g[1].cache.get(after("1")))->id, "1");
  g[1].run(g[1].cache.set(after("2"), second_release{"2", "red"}));
  EXPECT_EQ(g[0].run(g[0].cache.get(before("2")))->id, "2");
}

// bentocache T01: two_tier, null is stored
// Different: an absence has a time to live of its own.
// See docs/guide/negative.md#options
TEST(PeersValues, AnAbsenceIsRememberedForItsOwnTtl) {
  process p;
  const policy rules{.ttl = 1h, .negative_ttl = 30s, .jitter = 0};
  int calls = 0;
  const auto nothing = [&]() -> std::optional<int> {
    ++calls;
    return std::nullopt;
  };
  p.read(number(rules), nothing);
  p.advance(30s - 1ns);
  EXPECT_TRUE(p.read(number(rules), nothing).known_absent());
  EXPECT_EQ(calls, 1);
  p.advance(1ns);
  p.read(number(rules), nothing);
  EXPECT_EQ(calls, 2);
}

// bentocache U3: a skip with concurrent readers
// symfony S03: AdapterTestCase testDontSaveWhenAskedNotTo
TEST(PeersValues, ASkippedValueIsSharedByThoseWhoWaitAndStoredNowhere) {
  process p;
  async_latch answers;
  int calls = 0;
  const auto skipped = [&](fill_context& fill) -> task<int> {
    ++calls;
    fill.skip();
    co_await answers.wait();
    co_return 7;
  };
  const auto first = p.begin(p.cache.get_or_set(number(), skipped));
  const auto second = p.begin(p.cache.get_or_set(number(), skipped));
  answers.set();
  p.settle();
  EXPECT_TRUE(is(first->value(), 7));
  EXPECT_TRUE(is(second->value(), 7));
  EXPECT_EQ(calls, 1);
  EXPECT_TRUE(is_miss(p.get(number())));
}

// cachified D11: does not use faulty cache entries
TEST(PeersValues, AFaultyStoredValueIsReplaced) {
  group g(2);
  source db;
  g[0].put(number(), 1);
  g.stores[1]->corrupt({.times = 1});
  const auto read = g[1].read(number(), db.fast(2));
  EXPECT_TRUE(is(read, 2));
  EXPECT_EQ(read.info().reason, miss_reason::undecodable);
  EXPECT_EQ(db.calls, 1);
}

// HybridCache H06: SizeTests ValidateSizeLimit, and the checks of keys
TEST(PeersValues, LargeValuesAndOddKeysWorkUncached) {
  process p;
  auto small = hour();
  small.max_size = byte_size{1};
  for (const auto& key : {number("a", small), number(std::string(2000, 'k'))}) {
    source db;
    for (int round = 0; round < 2; ++round) EXPECT_TRUE(is(p.read(key, db.fast(1)), 1));
    EXPECT_EQ(db.calls, 2);
  }
  auto nameless = number();
  nameless.key = strata::key("");
  const auto read = p.read(nameless, [] { return 1; });
  EXPECT_TRUE(is(read, 1));
  EXPECT_EQ(read.info().reason, miss_reason::bypassed);
}

// symfony S04: AdapterTestCase testNullByteInKey
TEST(PeersValues, AKeyMayContainANullByte) {
  process p;
  const std::string id("a\0b", 3);
  EXPECT_EQ(number(id).key.text(), "number:a%00b");
  p.put(number(id), 1);
  EXPECT_TRUE(is(p.get(number(id)), 1));
  EXPECT_TRUE(is_miss(p.get(number("a"))));
  auto raw = number();
  raw.key = strata::key("number:" + id);
  p.put(raw, 2);
  EXPECT_TRUE(is(p.get(raw), 2));
  EXPECT_TRUE(is(p.get(number(id)), 1));
}

// cashews C10: test_transaction_set_rollback
// Different: the transaction may have been committed, so a dropped ticket removes the key.
// See docs/guide/coming_from.md#what-strata-does-differently
TEST(PeersValues, AWriteThatIsGivenUpRemovesItsKey) {
  process p;
  p.put(number(), 1);
  {
    const auto ticket = p.run(p.cache.begin_write(number()));
    EXPECT_TRUE(is(p.get(number()), 1));
  }
  p.settle();
  EXPECT_TRUE(is_miss(p.get(number())));
}

}  // namespace
}  // namespace strata::peers
