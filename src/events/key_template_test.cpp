#include "events/key_template.hpp"

#include <gtest/gtest.h>

namespace {

using strata::events::key_template;

strata::events::expansion expand(std::string_view text,
                                 const std::map<std::string, std::string>& attributes) {
  std::vector<std::string> problems;
  const key_template made(text, "key", problems);
  EXPECT_TRUE(problems.empty()) << text;
  return made.expand(attributes);
}

std::vector<std::string> problems_of(std::string_view text) {
  std::vector<std::string> problems;
  const key_template made(text, "agent.updated: key", problems);
  return problems;
}

TEST(KeyTemplate, PutsAttributesInTheirPlaces) {
  EXPECT_EQ(expand("agent:{id}:config", {{"id", "agt_1"}}).text, "agent:agt_1:config");
  EXPECT_EQ(expand("a:{x}:b:{y}", {{"x", "1"}, {"y", "2"}}).text, "a:1:b:2");
  EXPECT_EQ(expand("api:listings:list", {}).text, "api:listings:list");
  EXPECT_TRUE(expand("agent:{id}", {{"id", "agt_1"}}).complete);
}

TEST(KeyTemplate, EscapesAttributesSoThatNoneReachesAnotherKey) {
  EXPECT_EQ(expand("agent:{id}", {{"id", "a:b*"}}).text, "agent:a%3Ab%2A");
  EXPECT_EQ(expand("agent:{id}", {{"id", ""}}).text, "agent:%");
}

TEST(KeyTemplate, WidensToTheWholeSegmentsBeforeAMissingAttribute) {
  const auto list = expand("api:agents:list:org_{organization_id}:page", {});
  EXPECT_FALSE(list.complete);
  EXPECT_EQ(list.text, "api:agents:list");
  const auto later = expand("a:{x}:b:{y}", {{"x", "1"}});
  EXPECT_FALSE(later.complete);
  EXPECT_EQ(later.text, "a:1:b");
  EXPECT_EQ(expand("agent_{id}", {}).text, "");
}

TEST(KeyTemplate, NamesWhatIsMalformed) {
  EXPECT_EQ(problems_of("agent:{id"),
            std::vector<std::string>{R"(agent.updated: key "agent:{id" has a { without })"});
  EXPECT_EQ(problems_of("agent:id}").size(), 1U);
  EXPECT_EQ(problems_of("agent:{ID}").size(), 1U);
  EXPECT_EQ(problems_of("agent:{}").size(), 1U);
  EXPECT_EQ(problems_of("{id}").size(), 1U);
  EXPECT_EQ(problems_of("").size(), 1U);
}

}  // namespace
