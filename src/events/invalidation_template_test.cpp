#include "events/invalidation_template.hpp"

#include <gtest/gtest.h>

namespace {

using strata::events::invalidation_template;
using texts = std::vector<std::string>;

struct rule {
  texts keys = {};
  texts prefixes = {};
  texts tags = {};
};

invalidation_template compiled(const rule& from) {
  texts problems;
  invalidation_template out({from.keys, from.prefixes, from.tags}, "", problems);
  EXPECT_TRUE(problems.empty());
  return out;
}

TEST(InvalidationTemplate, NamesEachAttributeOnceInOrder) {
  const rule from{
      .keys = {"agent:{id}", "agent:{id}:{tool}"}, .prefixes = {"list:{org}"}, .tags = {"t:{id}"}};
  EXPECT_EQ(compiled(from).attributes(), (texts{"id", "tool", "org"}));
}

TEST(InvalidationTemplate, ExpandsKeysPrefixesAndTags) {
  const rule from{.keys = {"agent:{id}"}, .prefixes = {"list:{org}"}, .tags = {"t:{id}"}};
  strata::invalidation into;
  compiled(from).expand({{"id", "1"}, {"org", "o"}}, into);
  ASSERT_EQ(into.keys.size(), 1u);
  EXPECT_EQ(into.keys[0].text(), "agent:1");
  EXPECT_EQ(into.prefixes, texts{"list:o"});
  EXPECT_EQ(into.tags, texts{"t:1"});
  EXPECT_FALSE(into.everything);
}

TEST(InvalidationTemplate, WidensAMissingAttributeToTheSegmentsBeforeIt) {
  strata::invalidation into;
  compiled({.keys = {"a:b:{id}"}, .prefixes = {"list:{org}"}}).expand({}, into);
  EXPECT_TRUE(into.keys.empty());
  EXPECT_EQ(into.prefixes, (texts{"a:b", "list"}));
  EXPECT_FALSE(into.everything);
}

TEST(InvalidationTemplate, WidensToEverythingWhereNoSegmentIsLeft) {
  for (const auto& from : {rule{.keys = {"agent_{id}"}}, rule{.tags = {"a:b:{id}"}}}) {
    strata::invalidation into;
    compiled(from).expand({}, into);
    EXPECT_TRUE(into.everything);
  }
}

TEST(InvalidationTemplate, NamesTheRuleOfAMalformedPattern) {
  texts problems;
  const rule from{.keys = {"agent:{id"}};
  const invalidation_template made({from.keys, from.prefixes, from.tags}, "agent.updated: ", problems);
  EXPECT_EQ(problems, texts{R"(agent.updated: key "agent:{id" has a { without })"});
}

}  // namespace
