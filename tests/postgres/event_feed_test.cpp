// Events from PostgreSQL to the buses of several processes.

#include "tests/postgres/relay_support.hpp"

#include <strata/event_feed.hpp>
#include <strata/testing.hpp>
#include <strata/unit_of_work.hpp>

#include <algorithm>
#include <atomic>
#include <random>

namespace strata::test {
namespace {

using strata::testing::recording_bus;
using ::testing::ElementsAre;

class PostgresEvents : public RelayTest {
 protected:
  PostgresEvents() {
    install({.table = "agents",
             .keys = {"agent:{id}"},
             .prefixes = {"list:{organization_id}"},
             .event = "agent"});
  }
  event_feed_options to(event_bus& bus, std::string called = {}) const {
    return {.source = source(),
            .to = &bus,
            .name = std::move(called),
            .poll = 5ms,
            .retry = 5ms,
            .log = noting()};
  }
  static std::vector<std::string> lines(const std::vector<domain_event>& events) {
    std::vector<std::string> out;
    for (const auto& each : events) {
      out.push_back(each.type);
      for (const auto& [name, value] : each.attributes) out.back() += ' ' + name + '=' + value;
    }
    return out;
  }
  /// Writes rows until `bus` receives an event: then the feed has started.
  void warm_up(const recording_bus& heard) {
    wait_until([&] {
      elsewhere("INSERT INTO agents VALUES ('warm" + std::to_string(++warmed) + "', 'o', '')");
      return !heard.events().empty();
    });
    wait_until([&] { return heard.events().back().attributes.at("id") == "warm" + std::to_string(warmed); });
  }

  int warmed = 0;
};

TEST_F(PostgresEvents, ReachTheBusesOfAllProcessesInTheOrderOfTheirRow) {
  event_bus here;
  event_bus there;
  recording_bus first(here);
  recording_bus second(there);
  const event_feed one(to(here));
  const event_feed two(to(there));
  warm_up(first);
  warm_up(second);
  first.clear();
  second.clear();
  elsewhere("INSERT INTO agents VALUES ('a', 'o', '')");
  elsewhere("UPDATE agents SET name = 'x' WHERE id = 'a'");
  elsewhere("DELETE FROM agents WHERE id = 'a'; TRUNCATE agents");
  const auto all = [&](const recording_bus& heard) {
    wait_until([&] { return std::ranges::count(lines(heard.events()), "agent.truncated") == 1; });
    auto found = lines(heard.events());
    std::erase_if(found, [](const std::string& each) { return each.contains("warm"); });
    return found;
  };
  for (const auto* each : {&first, &second}) {
    EXPECT_THAT(all(*each),
                ElementsAre("agent.created id=a organization_id=o", "agent.updated id=a organization_id=o",
                            "agent.deleted id=a organization_id=o", "agent.truncated"));
  }
}

TEST_F(PostgresEvents, ArePublishedByATransactionAndOnlyIfItCommits) {
  event_bus bus;
  recording_bus heard(bus);
  const event_feed feed(to(bus));
  warm_up(heard);
  heard.clear();
  cache held;
  const auto say = [&](const std::string& what, bool commits) {
    auto work = sync_wait(unit_of_work::begin(*db, held)).value();
    const auto said = publication_of({.type = what, .attributes = {{"id", "a, \"b\""}, {"empty", ""}}});
    ASSERT_TRUE(sync_wait(work.execute(said.statement, said.parameters)));
    ASSERT_TRUE(sync_wait(commits ? work.commit() : work.rollback()));
  };
  say("agent.shared", false);
  say("agent.shown", true);
  wait_until([&] { return !heard.events().empty(); });
  EXPECT_THAT(lines(heard.events()), ElementsAre("agent.shown empty= id=a, \"b\""));
}

TEST_F(PostgresEvents, AHandlerThatThrowsIsCalledAgainAndHoldsUpNobody) {
  std::atomic<int> reported = 0;
  event_bus bus([&](const domain_event&, std::string_view what) { reported += what == "not yet" ? 1 : 0; });
  std::mutex mutex;
  std::vector<std::string> stubborn;
  int refused = 0;
  bus.subscribe("agent.created", [&](const domain_event& happened) -> task<> {
    std::lock_guard lock(mutex);
    if (happened.attributes.at("id") == "a" && ++refused < 4) throw std::runtime_error("not yet");
    stubborn.push_back(happened.attributes.at("id"));
    co_return;
  });
  bus.subscribe("agent.created", [&](const domain_event& happened) -> task<> {
    if (happened.attributes.at("id") == "never") throw std::runtime_error("never");
    co_return;
  });
  recording_bus heard(bus);
  auto with = to(bus);
  with.attempts = 5;
  const event_feed feed(std::move(with));
  warm_up(heard);
  elsewhere("INSERT INTO agents VALUES ('a', 'o', ''), ('b', 'o', ''), ('never', 'o', '')");
  wait_until([&] {
    std::lock_guard lock(mutex);
    return !stubborn.empty() && stubborn.back() == "never";
  });
  wait_until([&] { return feed.stats().given_up == 1; });
  EXPECT_EQ(reported, 3);
  EXPECT_EQ(feed.stats().retries, 3U + 4U);
  const auto order = [&](const std::string& id) { return std::ranges::find(stubborn, id); };
  EXPECT_LT(order("a"), order("b")) << "what came later waits for what is tried again";
  wait_until([&] { return feed.stats().waiting == 0; });
}

TEST_F(PostgresEvents, ANamedFeedGoesOnWhereItLeftOff) {
  event_bus bus;
  {
    recording_bus heard(bus);
    const event_feed feed(to(bus, "billing"));
    warm_up(heard);
  }
  elsewhere("INSERT INTO agents VALUES ('meanwhile', 'o', '')");
  const auto tells = [&](const std::string& called) {
    event_bus other;
    recording_bus heard(other);
    const event_feed feed(to(other, called));
    warm_up(heard);
    const auto found = lines(heard.events());
    return std::ranges::count(found, "agent.created id=meanwhile organization_id=o");
  };
  EXPECT_GE(tells("billing"), 1);
  EXPECT_EQ(tells("another"), 0);
  EXPECT_EQ(tells("billing"), 0);
}

TEST_F(PostgresEvents, MissNothingHoweverTransactionsOverlapAndComeInPages) {
  event_bus bus;
  recording_bus heard(bus, "agent.created");
  event_feed_options with = to(bus);
  with.poll = 100ms;
  const event_feed feed(std::move(with));
  warm_up(heard);
  std::vector<std::thread> writers;
  for (int w = 0; w < 4; ++w) {
    writers.emplace_back([&, w] {
      for (int i = 0; i < 10; ++i) {
        elsewhere("BEGIN; INSERT INTO agents SELECT '" + std::to_string(w * 10 + i) +
                  "_' || n, 'o', '' FROM generate_series(1, 300) n; SELECT pg_sleep(0.0" + std::to_string(i) +
                  "); COMMIT");
      }
    });
  }
  for (auto& each : writers) each.join();
  std::set<std::string> ids;
  wait_until([&] {
    for (const auto& each : heard.events()) {
      if (each.attributes.at("id").contains('_')) ids.insert(each.attributes.at("id"));
    }
    return ids.size() >= 12'000;
  });
  EXPECT_EQ(ids.size(), 12'000U);
}

TEST_F(PostgresEvents, SayWhatIsWrongWithTheirOptions) {
  event_bus bus;
  EXPECT_THROW(event_feed({.source = db}), bad_options);
  EXPECT_THROW(event_feed({.source = *open_sqlite({.file = ":memory:"}), .to = &bus}), bad_options);
}

}  // namespace
}  // namespace strata::test
