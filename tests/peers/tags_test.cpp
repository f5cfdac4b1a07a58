/// Removing many values at once: by tag, by prefix, by key and all.

#include "tests/peers/support.hpp"

namespace strata::peers {
namespace {

/// A factory of `value` with `tags`.
auto tagged(std::vector<std::string> tags, int value = 1) {
  return [tags = std::move(tags), value](fill_context& fill) {
    fill.set_tags(tags);
    return value;
  };
}

// FusionCache F34: CanRemoveByTag, CanRemoveByTagMulti
TEST(PeersTags, ATagRemovesExactlyItsValues) {
  process p;
  p.read(number("a"), tagged({"x", "y"}));
  p.read(number("b"), tagged({"y", "z"}));
  p.read(number("c"), tagged({"z"}));
  p.run(p.cache.remove_by_tags({}));
  p.run(p.cache.remove_by_tag("unknown"));
  for (const auto* id : {"a", "b", "c"}) EXPECT_TRUE(is(p.get(number(id)), 1)) << id;
  p.run(p.cache.remove_by_tag("x"));
  EXPECT_TRUE(is_miss(p.get(number("a"))));
  EXPECT_TRUE(is(p.get(number("b")), 1));
  p.run(p.cache.remove_by_tags({"y", "x"}));
  EXPECT_TRUE(is_miss(p.get(number("b"))));
  EXPECT_TRUE(is(p.get(number("c")), 1));
}

// FusionCache F34b: CanRemoveByTagWithChangingTags
TEST(PeersTags, TheTagsOfAValueAreReplacedWithIt) {
  process p;
  p.read(number(), tagged({"old"}));
  p.run(p.cache.refresh(number(), tagged({"new"}, 2)));
  p.run(p.cache.remove_by_tag("old"));
  EXPECT_TRUE(is(p.get(number()), 2));
  p.run(p.cache.remove_by_tag("new"));
  EXPECT_TRUE(is_miss(p.get(number())));
}

// FusionCache F35: CanRemoveByTagWithBehaviorExpire, CanRemoveByTagWithBehaviorRemove
TEST(PeersTags, EachCallChoosesWhetherATagExpiresOrRemoves) {
  process p;
  source db;
  const policy safe{.ttl = 1h, .jitter = 0, .fail_safe = true};
  p.read(number(safe), tagged({"x"}));
  p.run(p.cache.expire_by_tag("x"));
  EXPECT_TRUE(is_miss(p.get(number(safe))));
  EXPECT_TRUE(is_stale(p.read(number(safe), db.throwing()), 1));
  p.run(p.cache.remove_by_tag("x"));
  EXPECT_THROW(p.read(number(safe), db.throwing()), std::domain_error);
}

// FusionCache F36: CanClear, CanClearWithFailSafe
TEST(PeersTags, EverythingCanBeExpiredOrRemoved) {
  process p;
  const policy safe{.ttl = 1h, .jitter = 0, .fail_safe = true};
  const policy lenient{.stale_while_revalidate = 1h};
  p.put(number(safe), 1);
  p.run(p.cache.expire_all());
  EXPECT_TRUE(is_miss(p.get(number(safe))));
  EXPECT_TRUE(is_stale(p.get(number(lenient)), 1));
  p.run(p.cache.clear());
  EXPECT_TRUE(is_miss(p.get(number(lenient))));
}

// bentocache T06: tagging, a key made after the removal survives
TEST(PeersTags, AValueMadeInTheSameTickAsTheRemovalSurvives) {
  process p;
  for (int id = 0; id < 1000; ++id)
    p.read(number(std::to_string(id)), tagged({"other" + std::to_string(id)}));
  p.read(number("before"), tagged({"x"}));
  p.run(p.cache.remove_by_tag("x"));
  p.read(number("after"), tagged({"x"}));
  EXPECT_TRUE(is_miss(p.get(number("before"))));
  EXPECT_TRUE(is(p.get(number("after")), 1));
  for (int id = 0; id < 1000; ++id) EXPECT_TRUE(is(p.get(number(std::to_string(id))), 1)) << id;
}

// cashews C11: test_set_delete_set_delete_tag, test_tags_gte_100
TEST(PeersTags, AnOldTagHasNoHoldOnANewValue) {
  process p;
  std::vector<std::string> many;
  for (int tag = 0; tag < 150; ++tag) many.push_back("tag" + std::to_string(tag));
  p.read(number(), tagged(many));
  p.run(p.cache.remove(number()));
  p.read(number(), tagged({"new"}, 2));
  p.run(p.cache.remove_by_tags(many));
  EXPECT_TRUE(is(p.get(number()), 2));
  p.run(p.cache.refresh(number(), tagged(many, 3)));
  p.run(p.cache.remove_by_tag("tag149"));
  EXPECT_TRUE(is_miss(p.get(number())));
}

// HybridCache H04: LocalInvalidation GlobalInvalidateNoTags
// Different: "*" is a tag as any other, and clear() removes all.
// See docs/guide/coming_from.md#what-strata-does-differently
TEST(PeersTags, AStarIsAnOrdinaryTag) {
  process p;
  p.read(number("a"), tagged({"*"}));
  p.read(number("b"), tagged({}));
  p.run(p.cache.remove_by_tag("*"));
  EXPECT_TRUE(is_miss(p.get(number("a"))));
  EXPECT_TRUE(is(p.get(number("b")), 1));
  p.run(p.cache.clear());
  EXPECT_TRUE(is_miss(p.get(number("b"))));
}

// HybridCache H05: FunctionalTests RemoveItemViaArray
TEST(PeersTags, NoneOneOrSeveralKeysAreRemoved) {
  process p;
  for (const auto* id : {"a", "b", "c"}) p.put(number(id), 1);
  p.run(p.cache.remove(std::vector<key>{}));
  p.run(p.cache.remove(std::vector{number("unknown").key}));
  for (const auto* id : {"a", "b", "c"}) EXPECT_TRUE(is(p.get(number(id)), 1)) << id;
  p.run(p.cache.remove(std::vector{number("a").key, number("c").key, number("a").key}));
  EXPECT_TRUE(is_miss(p.get(number("a"))));
  EXPECT_TRUE(is(p.get(number("b")), 1));
  EXPECT_TRUE(is_miss(p.get(number("c"))));
}

// HybridCache H09: L2Tests PendingTagInvalidationUsesPayloadCreationTimestamp
TEST(PeersTags, ATagRemovedWhileTheSecondLevelIsReadCounts) {
  group g(2);
  source db;
  g[0].read(number(), tagged({"x"}));
  g.stores[1]->delay({.times = 1, .after = true});
  const auto read = g[1].begin(g[1].cache.get_or_set(number(), db.fast(2)));
  ASSERT_EQ(g.stores[1]->waiting(), 1U);
  g[1].run(g[1].cache.remove_by_tag("x"));
  g.stores[1]->let_go();
  g.settle();
  EXPECT_TRUE(is(read->value(), 2));
  EXPECT_EQ(db.calls, 1);
}

// symfony S07: AdapterTestCase testClearPrefix, testClearWithInvalidPrefix
// Different: a prefix ends at a colon, and a pattern reaches the rest.
// See docs/guide/tags.md#steps
TEST(PeersTags, APrefixEndsAtAColon) {
  process p;
  auto named = [](const char* text) {
    auto key = number();
    key.key = strata::key(text);
    return key;
  };
  for (const auto* text : {"foo", "foo:1", "foobar", "bar"}) p.put(named(text), 1);
  for (const auto* odd : {"unknown", "fo", "{}()/\\@"}) p.run(p.cache.remove_by_prefix(odd));
  for (const auto* odd : {"[", "\\", "{}"}) p.run(p.cache.remove_pattern(odd));
  for (const auto* text : {"foo", "foo:1", "foobar", "bar"}) EXPECT_TRUE(is(p.get(named(text)), 1)) << text;
  p.run(p.cache.remove_by_prefix("foo"));
  EXPECT_TRUE(is_miss(p.get(named("foo"))));
  EXPECT_TRUE(is_miss(p.get(named("foo:1"))));
  EXPECT_TRUE(is(p.get(named("foobar")), 1));
  p.run(p.cache.remove_pattern("foo*"));
  EXPECT_TRUE(is_miss(p.get(named("foobar"))));
  EXPECT_TRUE(is(p.get(named("bar")), 1));
}

}  // namespace
}  // namespace strata::peers
