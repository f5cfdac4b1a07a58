#include "gateway/value_view.hpp"

#include "platform/entities.hpp"

#include <gtest/gtest.h>

namespace strata::gateway {
namespace {

TEST(ValueView, KnowsWhichEntityAKeyIsOf) {
  EXPECT_TRUE(could_build("agent:{id}", "agent:agt_1"));
  EXPECT_FALSE(could_build("agent:{id}", "agent:agt_1:config"));
  EXPECT_FALSE(could_build("agent:{id}", "agent"));
  EXPECT_FALSE(could_build("agent:{id}", "agent:"));
  EXPECT_FALSE(could_build("agent:{id}", "user:usr_1"));
  EXPECT_TRUE(could_build("api:list:{org}:page_{n}", "api:list:org_1:page_2"));
  EXPECT_FALSE(could_build("api:list:{org}:page_{n}", "api:list:org_1:page_"));
  EXPECT_FALSE(could_build("api:list:{org}:page_{n}", "api:list:org_1:seite_2"));
}

struct CachedValueView : testing::Test {
  cache values;
  platform::entity_table entities;
  admin::shown_value show(const std::string& text) {
    return sync_wait(show_value(values, entities, key(text)));
  }
};

TEST_F(CachedValueView, ShowsACachedRowAsItIsAnswered) {
  platform::agent row{.id = "agt_1", .name = "Ada"};
  sync_wait(values.set(entities.get<platform::agent_entity>()("agt_1"),
                       platform::cached_response<platform::agent>(row)));
  const auto shown = show("agent:agt_1");
  EXPECT_FALSE(shown.hidden);
  ASSERT_TRUE(shown.json);
  EXPECT_NE(shown.json->find("\"Ada\""), std::string::npos);
}

TEST_F(CachedValueView, ShowsNothingWhereNothingIsCached) {
  EXPECT_FALSE(show("agent:agt_1").json);
  sync_wait(values.set_absent(entities.get<platform::agent_entity>()("agt_2")));
  EXPECT_EQ(show("agent:agt_2").json, "null");
}

TEST_F(CachedValueView, HidesWhatIsSensitiveAndWhatItDoesNotKnow) {
  platform::stored_document row{.id = "usr_1", .document = {"{\"key\":\"secret\"}"}};
  sync_wait(values.set(entities.get<platform::user_settings_entity>()("usr_1"),
                       platform::cached_response<platform::stored_document>(row)));
  for (const char* text : {"user:usr_1:settings", "user:usr_1:permissions", "session:sess_1", "unknown"}) {
    EXPECT_TRUE(show(text).hidden) << text;
    EXPECT_FALSE(show(text).json) << text;
  }
}

}  // namespace
}  // namespace strata::gateway
