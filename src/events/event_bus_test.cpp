#include <strata/events.hpp>

#include <gtest/gtest.h>

#include <stdexcept>

namespace {

using strata::domain_event;
using strata::event_bus;
using strata::task;

event_bus::handler noting(std::vector<std::string>& heard, std::string as) {
  return [&heard, as = std::move(as)](const domain_event& happened) -> task<> {
    heard.push_back(as + " " + happened.type);
    co_return;
  };
}

TEST(EventBus, DeliversToExactTypesAndToPatterns) {
  event_bus bus;
  std::vector<std::string> heard;
  bus.subscribe("agent.updated", noting(heard, "exact"));
  bus.subscribe("agent.*", noting(heard, "agents"));
  bus.subscribe("*", noting(heard, "all"));
  strata::sync_wait(bus.publish({"agent.updated", {}}));
  strata::sync_wait(bus.publish({"agent.deleted", {}}));
  strata::sync_wait(bus.publish({"agents.updated", {}}));
  EXPECT_EQ(heard,
            (std::vector<std::string>{"exact agent.updated", "agents agent.updated", "all agent.updated",
                                      "agents agent.deleted", "all agent.deleted", "all agents.updated"}));
}

TEST(EventBus, NamesTheHandlersOfATypeAndKeepsTheirNumbers) {
  int told = 0;
  event_bus bus([&](const domain_event&, std::string_view) { ++told; });
  std::vector<std::string> heard;
  bus.subscribe("user.*", noting(heard, "users"));
  bus.subscribe("agent.*", noting(heard, "agents"));
  bus.subscribe("*", noting(heard, "all"));
  const auto found = bus.handlers_of("agent.updated");
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].first, 1u);
  EXPECT_EQ(found[1].first, 2u);
  strata::sync_wait(found[0].second({"agent.updated", {}}));
  EXPECT_EQ(heard, std::vector<std::string>{"agents agent.updated"});
  bus.failed({"agent.updated", {}}, "no");
  EXPECT_EQ(told, 1);
  EXPECT_EQ(bus.failures(), 1u);
}

TEST(EventBus, GoesOnAfterAHandlerThatThrowsAndTellsOfIt) {
  std::vector<std::string> told;
  event_bus bus([&](const domain_event& happened, std::string_view what) {
    told.push_back(happened.type + ": " + std::string(what));
  });
  std::vector<std::string> heard;
  bus.subscribe("*", [](const domain_event&) -> task<> {
    throw std::runtime_error("no");
    co_return;
  });
  bus.subscribe("*", [](const domain_event&) -> task<> { throw std::runtime_error("not even a task"); });
  bus.subscribe("*", noting(heard, "later"));
  strata::sync_wait(bus.publish({"user.updated", {}}));
  EXPECT_EQ(heard, std::vector<std::string>{"later user.updated"});
  EXPECT_EQ(told, (std::vector<std::string>{"user.updated: no", "user.updated: not even a task"}));
  EXPECT_EQ(bus.failures(), 2U);
}

TEST(EventBus, LetsAHandlerSubscribeAnotherForTheNextEvent) {
  event_bus bus;
  std::vector<std::string> heard;
  bool done = false;
  bus.subscribe("*", [&](const domain_event&) -> task<> {
    if (!done) bus.subscribe("*", noting(heard, "new"));
    done = true;
    co_return;
  });
  strata::sync_wait(bus.publish({"a", {}}));
  EXPECT_TRUE(heard.empty());
  strata::sync_wait(bus.publish({"b", {}}));
  EXPECT_EQ(heard, std::vector<std::string>{"new b"});
}

}  // namespace
