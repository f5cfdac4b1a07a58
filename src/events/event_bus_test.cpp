#include <strata/events.hpp>

#include <gtest/gtest.h>

#include <stdexcept>

namespace {

using strata::domain_event;
using strata::event_bus;
using strata::task;

event_bus::handler noting(std::vector<std::string>& received, std::string as) {
  return [&received, as = std::move(as)](const domain_event& happened) -> task<> {
    received.push_back(as + " " + happened.type);
    co_return;
  };
}

TEST(EventBus, DeliversToExactTypesAndToPatterns) {
  event_bus bus;
  std::vector<std::string> received;
  bus.subscribe("agent.updated", noting(received, "exact"));
  bus.subscribe("agent.*", noting(received, "agents"));
  bus.subscribe("*", noting(received, "all"));
  strata::sync_wait(bus.publish({"agent.updated", {}}));
  strata::sync_wait(bus.publish({"agent.deleted", {}}));
  strata::sync_wait(bus.publish({"agents.updated", {}}));
  EXPECT_EQ(received,
            (std::vector<std::string>{"exact agent.updated", "agents agent.updated", "all agent.updated",
                                      "agents agent.deleted", "all agent.deleted", "all agents.updated"}));
}

TEST(EventBus, NamesTheHandlersOfATypeAndKeepsTheirNumbers) {
  int reported = 0;
  event_bus bus([&](const domain_event&, std::string_view) { ++reported; });
  std::vector<std::string> received;
  bus.subscribe("user.*", noting(received, "users"));
  bus.subscribe("agent.*", noting(received, "agents"));
  bus.subscribe("*", noting(received, "all"));
  const auto found = bus.handlers_of("agent.updated");
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].first, 1u);
  EXPECT_EQ(found[1].first, 2u);
  strata::sync_wait(found[0].second({"agent.updated", {}}));
  EXPECT_EQ(received, std::vector<std::string>{"agents agent.updated"});
  bus.report_failure({"agent.updated", {}}, "no");
  EXPECT_EQ(reported, 1);
  EXPECT_EQ(bus.failures(), 1u);
}

TEST(EventBus, ContinuesAfterAHandlerThatThrowsAndReportsIt) {
  std::vector<std::string> reported;
  event_bus bus([&](const domain_event& happened, std::string_view what) {
    reported.push_back(happened.type + ": " + std::string(what));
  });
  std::vector<std::string> received;
  bus.subscribe("*", [](const domain_event&) -> task<> {
    throw std::runtime_error("no");
    co_return;
  });
  bus.subscribe("*", [](const domain_event&) -> task<> { throw std::runtime_error("not even a task"); });
  bus.subscribe("*", noting(received, "later"));
  strata::sync_wait(bus.publish({"user.updated", {}}));
  EXPECT_EQ(received, std::vector<std::string>{"later user.updated"});
  EXPECT_EQ(reported, (std::vector<std::string>{"user.updated: no", "user.updated: not even a task"}));
  EXPECT_EQ(bus.failures(), 2U);
}

TEST(EventBus, LetsAHandlerSubscribeAnotherForTheNextEvent) {
  event_bus bus;
  std::vector<std::string> received;
  bool done = false;
  bus.subscribe("*", [&](const domain_event&) -> task<> {
    if (!done) bus.subscribe("*", noting(received, "new"));
    done = true;
    co_return;
  });
  strata::sync_wait(bus.publish({"a", {}}));
  EXPECT_TRUE(received.empty());
  strata::sync_wait(bus.publish({"b", {}}));
  EXPECT_EQ(received, std::vector<std::string>{"new b"});
}

}  // namespace
