/// Records from what factories return, and from the bytes of L2.

#include "engine/record_builder.hpp"

#include "engine/engine_test_support.hpp"

#include <gtest/gtest.h>

namespace strata::detail {
namespace {

using namespace std::chrono_literals;
using engine_test::agent;

struct Records : ::testing::Test {
  testing::manual_clock time;
  cache_options options{.time = &time};
  commit_clock clock;
  floor_table floors;
  random_sequence random{1};
  record_builder records{options, clock, floors, random};
  const key name{"agent:1"};
  std::shared_ptr<const policy> rules = with({.ttl = 60s, .jitter = 0});

  static std::shared_ptr<const policy> with(policy of) {
    return std::make_shared<const policy>(std::move(of));
  }
  any_key target() const { return {name, rules, cache_type(), &value_type_of<agent>}; }
  static any_value ada() { return std::make_shared<const agent>(agent{"1", "Ada"}); }

  record_ptr make(any_value value, fill_context context = fill_context(7)) {
    return records.make(target(), std::move(value), context, {.began = time.now(), .took = 2s});
  }
  /// `entry` as another process reads it from L2, where it lives for `left`.
  std::expected<record_ptr, miss_reason> reread(const record& entry, duration left, bool expired = false) {
    stored_value stored;
    stored.bytes = *records.encode(target(), entry);
    stored.ttl = left;
    stored.expired = expired;
    return records.decode(target(), stored);
  }
};

TEST_F(Records, LiveForThePolicysTtlAndStaleWindow) {
  rules = with({.ttl = 60s, .jitter = 0, .fail_safe = true, .grace = 1h});
  const auto entry = make(ada());
  EXPECT_EQ(entry->created, time.now());
  EXPECT_EQ(entry->fresh_until, time.now() + 60s);
  EXPECT_EQ(entry->stale_until, time.now() + 60s + 1h);
  EXPECT_EQ(entry->asof, 7u);
  EXPECT_EQ(entry->source.took, 2s);
  EXPECT_GT(entry->bytes, sizeof(record));
}

TEST_F(Records, OfNothingLiveForTheNegativeTtlAndAreNeverStale) {
  rules = with({.ttl = 60s, .negative_ttl = 10s, .jitter = 0, .fail_safe = true});
  const auto entry = make(nullptr);
  EXPECT_EQ(entry->fresh_until, time.now() + 10s);
  EXPECT_EQ(entry->stale_until, entry->fresh_until);
}

TEST_F(Records, JitterOnlyShortensALife) {
  rules = with({.ttl = 60s, .jitter = 0.5});
  bool shortened = false;
  for (int i = 0; i < 100; ++i) {
    const auto life = make(ada())->fresh_until - time.now();
    EXPECT_LE(life, 60s);
    EXPECT_GE(life, 30s);
    shortened = shortened || life < 45s;
  }
  EXPECT_TRUE(shortened);
}

TEST_F(Records, TheContextsTtlAndTagsCount) {
  rules = with({.ttl = 60s, .jitter = 0, .tags = {"staff"}});
  fill_context context(7);
  context.set_ttl(5s);
  context.set_tags({"staff", "new"});
  const auto entry = make(ada(), std::move(context));
  EXPECT_EQ(entry->fresh_until, time.now() + 5s);
  EXPECT_EQ(entry->tags, (std::vector<std::string>{"staff", "new"}));
}

TEST_F(Records, AFactoryDecidesWhetherItsValueIsKept) {
  fill_context context(7);
  EXPECT_TRUE(records.finish(target(), ada(), context, nullptr, {}).keep);
  context.skip(miss_reason::too_large);
  const auto skipped = records.finish(target(), ada(), context, nullptr, {});
  EXPECT_FALSE(skipped.keep);
  EXPECT_EQ(skipped.why_not, miss_reason::too_large);
  fill_context short_lived(7);
  short_lived.set_ttl(0s);
  EXPECT_FALSE(records.finish(target(), ada(), short_lived, nullptr, {}).keep);
  rules = with({.negative_ttl = 0s});
  EXPECT_FALSE(records.finish(target(), nullptr, fill_context(7), nullptr, {}).keep);
}

TEST_F(Records, AnUnmodifiedValueGetsANewLife) {
  const auto old = make(ada());
  time.advance(50s);
  fill_context context(9);
  context.not_modified();
  const auto renewed = records.finish(target(), nullptr, context, old, {}).entry;
  EXPECT_EQ(renewed->value, old->value);
  EXPECT_EQ(renewed->asof, 9u);
  EXPECT_EQ(renewed->fresh_until, time.now() + 60s);
}

TEST_F(Records, SurviveTheWayThroughL2) {
  rules = with({.ttl = 60s, .jitter = 0, .fail_safe = true, .grace = 40s, .tags = {"staff"}});
  const auto entry = make(ada());
  const auto read = reread(*entry, 90s);
  ASSERT_TRUE(read);
  EXPECT_EQ(*static_cast<const agent*>((*read)->value.get()), (agent{"1", "Ada"}));
  EXPECT_EQ((*read)->asof, 7u);
  EXPECT_EQ((*read)->tags, entry->tags);
  EXPECT_EQ((*read)->stale_until, time.now() + 90s);
  EXPECT_EQ((*read)->fresh_until, time.now() + 50s) << "the grace ends with the life in L2";
  EXPECT_LE((*read)->created, time.now() - 10s) << "never younger than it is";
  EXPECT_EQ((*read)->source.began, time_point::min()) << "unknown";
}

TEST_F(Records, AnExpiredValueOfL2IsStale) {
  rules = with({.ttl = 60s, .jitter = 0, .fail_safe = true, .grace = 40s});
  const auto read = reread(*make(ada()), 90s, true);
  ASSERT_TRUE(read);
  EXPECT_LE((*read)->fresh_until, time.now());
  EXPECT_GT((*read)->stale_until, time.now());
}

TEST_F(Records, AreRefusedFromL2BelowAFloorOrIfDamaged) {
  rules = with({.ttl = 60s, .jitter = 0, .tags = {"staff"}});
  const auto entry = make(ada());
  floors.raise({.bucket = floor_table::tag_bucket("staff"), .asof = 8});
  const auto below = reread(*entry, 60s);
  ASSERT_FALSE(below);
  EXPECT_EQ(below.error(), miss_reason::tag);
  stored_value damaged;
  damaged.bytes = "not an entry";
  EXPECT_EQ(records.decode(target(), damaged).error(), miss_reason::undecodable);
}

TEST_F(Records, OfSensitiveValuesAreSharedOnlyWithAKey) {
  rules = with({.sensitive = true});
  EXPECT_FALSE(records.may_share(target()));
  rules = with({});
  EXPECT_TRUE(records.may_share(target()));
}

TEST_F(Records, AreTooLargeInMemoryOrEncoded) {
  rules = with({.max_size = {10'000}});
  const auto entry = make(ada());
  EXPECT_FALSE(record_builder::too_large(target(), *entry, 10'000));
  EXPECT_TRUE(record_builder::too_large(target(), *entry, 10'001));
  rules = with({.max_size = {10}});
  EXPECT_TRUE(record_builder::too_large(target(), *entry, 0));
}

}  // namespace
}  // namespace strata::detail
