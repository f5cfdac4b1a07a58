#include <strata/events.hpp>
#include <strata/testing.hpp>

#include <gtest/gtest.h>

namespace {

using namespace strata;
using strata::testing::recording_bus;

TEST(RecordingBus, WritesDownWhatIsPublishedInOrder) {
  event_bus bus;
  const recording_bus heard(bus);
  sync_wait(bus.publish({"agent.updated", {{"id", "agt_1"}}}));
  sync_wait(bus.publish({"user.deleted", {}}));
  const auto events = heard.events();
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0].type, "agent.updated");
  EXPECT_EQ(events[0].attributes.at("id"), "agt_1");
  EXPECT_EQ(events[1].type, "user.deleted");
  EXPECT_EQ(heard.events("user.deleted").size(), 1u);
  EXPECT_TRUE(heard.events("user").empty());
}

TEST(RecordingBus, HearsOnlyWhatItListensTo) {
  event_bus bus;
  const recording_bus agents(bus, "agent.*");
  sync_wait(bus.publish({"agent.updated", {}}));
  sync_wait(bus.publish({"user.updated", {}}));
  ASSERT_EQ(agents.events().size(), 1u);
}

TEST(RecordingBus, ForgetsWhatItIsToldToForget) {
  event_bus bus;
  recording_bus heard(bus);
  sync_wait(bus.publish({"one", {}}));
  heard.clear();
  sync_wait(bus.publish({"two", {}}));
  ASSERT_EQ(heard.events().size(), 1u);
  EXPECT_EQ(heard.events()[0].type, "two");
}

TEST(RecordingBus, MayEndBeforeItsBus) {
  event_bus bus;
  {
    const recording_bus heard(bus);
  }
  sync_wait(bus.publish({"unheard", {}}));
  EXPECT_EQ(bus.failures(), 0u);
}

}  // namespace
