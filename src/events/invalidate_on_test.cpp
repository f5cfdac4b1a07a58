#include <strata/events.hpp>

#include <gtest/gtest.h>

namespace {

using strata::sync_wait;

class InvalidateOn : public testing::Test {
 protected:
  void fill(const std::string& text) { sync_wait(cache.set(key(text), std::string("value"))); }
  bool holds(const std::string& text) { return static_cast<bool>(sync_wait(cache.get(key(text)))); }
  strata::typed_key<std::string> key(const std::string& text) {
    return {strata::key(text), std::make_shared<const strata::policy>(), {}};
  }
  void happen(std::string type, std::map<std::string, std::string> attributes) {
    sync_wait(bus.publish({std::move(type), std::move(attributes)}));
  }

  strata::cache cache;
  strata::event_bus bus;
};

TEST_F(InvalidateOn, DropsTheKeysAndPrefixesOfTheEventAndNothingElse) {
  strata::invalidate_on(
      bus, cache, {{"agent.updated", {"agent:{id}", "agent:{id}:config"}, {"api:agents:list:{org}"}, {}}});
  for (const auto* each : {"agent:agt_1", "agent:agt_1:config", "agent:agt_2", "api:agents:list:org_1:page_1",
                           "api:agents:list:org_2:page_1"}) {
    fill(each);
  }
  happen("agent.updated", {{"id", "agt_1"}, {"org", "org_1"}});
  EXPECT_FALSE(holds("agent:agt_1"));
  EXPECT_FALSE(holds("agent:agt_1:config"));
  EXPECT_FALSE(holds("api:agents:list:org_1:page_1"));
  EXPECT_TRUE(holds("agent:agt_2"));
  EXPECT_TRUE(holds("api:agents:list:org_2:page_1"));
}

TEST_F(InvalidateOn, LeavesOtherEventsAlone) {
  strata::invalidate_on(bus, cache, {{"agent.updated", {"agent:{id}"}, {}, {}}});
  fill("agent:agt_1");
  happen("agent.created", {{"id", "agt_1"}});
  EXPECT_TRUE(holds("agent:agt_1"));
}

TEST_F(InvalidateOn, DropsWhatCarriesATag) {
  strata::invalidate_on(bus, cache, {{"organization.*", {}, {}, {"org:{id}"}}});
  auto tagged = [&](const std::string& text, const std::string& tag) {
    return key(text).with({.tags = {tag}});
  };
  sync_wait(cache.set(tagged("a", "org:org_1"), std::string("1")));
  sync_wait(cache.set(tagged("b", "org:org_2"), std::string("2")));
  happen("organization.updated", {{"id", "org_1"}});
  EXPECT_FALSE(holds("a"));
  EXPECT_TRUE(holds("b"));
}

TEST_F(InvalidateOn, DropsTooMuchRatherThanTooLittleWhenAnAttributeIsMissing) {
  strata::invalidate_on(bus, cache, {{"a", {"agent:{id}"}, {}, {}}, {"b", {}, {}, {"org:{id}"}}});
  fill("agent:agt_1");
  fill("user:usr_1");
  happen("a", {});
  EXPECT_FALSE(holds("agent:agt_1"));
  EXPECT_TRUE(holds("user:usr_1"));
  happen("b", {});
  EXPECT_FALSE(holds("user:usr_1"));
}

TEST_F(InvalidateOn, NamesEveryMalformedTemplate) {
  try {
    strata::invalidate_on(bus, cache, {{"a", {"agent:{id"}, {"x}"}, {""}}, {"", {}, {}, {}}});
    FAIL() << "accepted";
  } catch (const strata::bad_options& problem) {
    EXPECT_EQ(problem.problems().size(), 4U);
  }
  happen("a", {});  // and nothing was subscribed
  EXPECT_EQ(bus.failures(), 0U);
}

}  // namespace
