// The relay over a store in memory, and over the cache of this process.

#include "tests/postgres/relay_support.hpp"

#include <random>

namespace strata::test {
namespace {

using testing::HasSubstr;

class PostgresRelay : public RelayTest {};

/// One process's cache of the names of agents.
struct names {
  explicit names(std::shared_ptr<database> from) : source(std::move(from)) {}
  std::shared_ptr<database> source;
  cache held{{.relayed = true}};
  entity<std::string, "agent:{id}"> agents{{.ttl = 600s, .negative_ttl = 600s, .jitter = 0}};

  lookup<std::string> read(std::string id) {
    auto load = [this, id]() -> task<std::optional<std::string>> {
      sql_parameters which{id};
      auto rows = co_await source->query("SELECT name FROM agents WHERE id = $1", std::move(which));
      std::optional<std::string> out;
      if (rows && !rows->empty()) out = std::get<std::string>(rows->at(0, "name"));
      co_return out;
    };
    return sync_wait(held.get_or_set(agents(id), load));
  }
  std::string name_of(const std::string& id) {
    const auto found = read(id);
    return found ? *found : "nobody";
  }
};

TEST_F(PostgresRelay, TellsACacheWhatOtherProgramsCommit) {
  elsewhere("INSERT INTO agents VALUES ('a', 'o', 'first'), ('b', 'o', 'other')");
  names of(db);
  relay tells({.source = source(), .local = &of.held, .bound = 20s, .log = noting()});
  wait_until_relayed(tells);
  EXPECT_EQ(clears(tells, clear_reason::fresh), 1U);
  EXPECT_EQ(of.name_of("a"), "first");
  EXPECT_EQ(of.name_of("b"), "other");
  EXPECT_EQ(of.name_of("c"), "nobody");
  EXPECT_EQ(of.read("b").info().from, layer::l1);
  for (const auto& [write, name] : std::vector<std::pair<std::string, std::string>>{
           {"UPDATE agents SET name = 'second' WHERE id = 'a'", "second"},
           {"DELETE FROM agents WHERE id = 'a'", "nobody"},
           {"COPY agents FROM PROGRAM 'printf \"a\\to\\tthird\\n\"'", "third"},
           {"TRUNCATE agents", "nobody"}}) {
    elsewhere(write);
    wait_until_relayed(tells);
    EXPECT_EQ(of.name_of("a"), name) << write;
    EXPECT_EQ(of.read("a").info().from, layer::l1) << "and that one is trusted";
  }
  EXPECT_EQ(of.name_of("b"), "nobody") << "TRUNCATE made every agent invalid";
}

TEST_F(PostgresRelay, LetsACacheTrustItsMemoryForNoLongerThanItHears) {
  elsewhere("INSERT INTO agents VALUES ('a', 'o', 'first')");
  names of(db);
  relay tells({.source = source(), .local = &of.held, .bound = 200ms});
  wait_until_relayed(tells);
  of.read("a");
  tells.stop();
  elsewhere("UPDATE agents SET name = 'second'");
  const auto over = system_clock().now() + 220ms;
  wait_until([&] { return system_clock().now() > over; });
  EXPECT_EQ(of.name_of("a"), "second");
}

TEST_F(PostgresRelay, RemovesKeysPrefixesAndTagsFromAStore) {
  const auto shared = make_memory_server();
  const relay tells(speaking_to(connect(shared)));
  wait_until_relayed(tells);
  cache other({.second_level = connect(shared)});
  const entity<std::string, "agent:{id}"> agents{{.ttl = 600s}};
  const entity<std::string, "api:agents:list:{org}:{page}"> lists{{.ttl = 600s}};
  const entity<std::string, "count:{of}"> counts{{.ttl = 600s, .tags = {table_tag("agents")}}};
  const auto from = [&](const auto& where) {
    return sync_wait(other.get_or_set(where, [] { return std::string("v"); })).info().from;
  };
  wait_until([&] { return from(agents("a")) == layer::l1 && from(agents("b")) == layer::l1; });
  from(lists("o", "1"));
  from(lists("p", "1"));
  from(counts("agents"));
  elsewhere("INSERT INTO agents VALUES ('a', 'o', '')");
  wait_until_relayed(tells);
  EXPECT_EQ(from(agents("a")), layer::source);
  EXPECT_EQ(from(lists("o", "1")), layer::source);
  EXPECT_EQ(from(counts("agents")), layer::source);
  EXPECT_EQ(from(agents("b")), layer::l1);
  EXPECT_EQ(from(lists("p", "1")), layer::l1);
  EXPECT_GE(tells.stats().changes, 1U);
}

TEST_F(PostgresRelay, MissesNothingHoweverTransactionsOverlap) {
  const auto seed = std::random_device()();
  SCOPED_TRACE(seed);
  const auto shared = make_memory_server();
  const key_listener heard(connect(shared));
  const relay tells(speaking_to(connect(shared)));
  wait_until_relayed(tells);
  std::mutex mutex;
  std::set<std::string> committed;
  std::set<std::string> aborted;
  std::vector<std::thread> writers;
  for (unsigned w = 0; w < 6; ++w) {
    writers.emplace_back([&, w] {
      std::mt19937 random(seed + w);
      const auto upto = [&](int most) { return std::uniform_int_distribution(0, most)(random); };
      const std::unique_ptr<PGconn, decltype(&PQfinish)> to(PQconnectdb(server.url(name).c_str()), &PQfinish);
      const auto run = [&](const std::string& what) { PQclear(PQexec(to.get(), what.c_str())); };
      for (int i = 0; i < 60; ++i) {
        std::set<std::string> mine;
        run("BEGIN");
        for (int n = 0; n <= upto(2); ++n) {
          const auto id = std::to_string(w) + '_' + std::to_string(i) + '_' + std::to_string(n);
          if (upto(4) == 0) run("SAVEPOINT s");
          run("INSERT INTO agents VALUES ('" + id + "', 'o', '')");
          mine.insert("strata:agent:" + id);
          if (upto(5) == 0) run("SELECT pg_sleep(" + std::to_string(0.001 * upto(80)) + ')');
        }
        const bool commits = upto(4) != 0;
        run(commits ? "COMMIT" : "ROLLBACK");
        std::lock_guard lock(mutex);
        (commits ? committed : aborted).merge(mine);
      }
    });
  }
  for (auto& each : writers) each.join();
  wait_until_relayed(tells);
  const auto told = heard.keys();
  for (const auto& each : committed) EXPECT_TRUE(told.contains(each)) << each;
  for (const auto& each : aborted) EXPECT_FALSE(told.contains(each)) << each;
  EXPECT_EQ(clears(tells, clear_reason::too_many), 0U);
}

TEST_F(PostgresRelay, GoesOnWhereAnotherStopped) {
  const auto shared = make_memory_server();
  const key_listener heard(connect(shared));
  {
    const relay first(speaking_to(connect(shared)));
    wait_until_relayed(first);
  }
  elsewhere("INSERT INTO agents VALUES ('meanwhile', 'o', '')");
  EXPECT_FALSE(heard.heard("strata:agent:meanwhile"));
  const relay second(speaking_to(connect(shared)));
  wait_until_relayed(second);
  EXPECT_TRUE(heard.heard("strata:agent:meanwhile"));
  EXPECT_EQ(clears(second, clear_reason::fresh), 0U);
  EXPECT_EQ(sync_wait(status_of_outbox(*db))->leaders.at(0).term, 2);
}

TEST_F(PostgresRelay, IsActiveInOneProcessAtATime) {
  const auto shared = make_memory_server();
  std::vector<std::unique_ptr<relay>> all;
  for (int i = 0; i < 3; ++i) all.push_back(std::make_unique<relay>(speaking_to(connect(shared))));
  const auto active = [&] {
    return std::ranges::count_if(all, [](const auto& each) { return each->stats().active; });
  };
  wait_until([&] { return active() == 1; });
  const auto leader = [&] {
    return std::ranges::find_if(all, [](const auto& each) { return each->stats().active; });
  };
  const auto first = leader();
  (*first)->stop();
  all.erase(first);
  wait_until([&] { return active() == 1; });
  // If the first stopped before it had saved its progress, the second removes everything when it begins.
  wait_until_relayed(**leader());
  const key_listener heard(connect(shared));
  elsewhere("INSERT INTO agents VALUES ('a', 'o', '')");
  wait_until([&] { return heard.heard("strata:agent:a"); });
}

TEST_F(PostgresRelay, RemovesEverythingWhenTheOutboxWasFull) {
  install({.table = "agents", .keys = {"agent:{id}"}}, {.limit = byte_size{1u << 20}});
  const auto shared = make_memory_server();
  const relay tells(speaking_to(connect(shared)));
  wait_until_relayed(tells);
  const std::unique_ptr<PGconn, decltype(&PQfinish)> late(PQconnectdb(server.url(name).c_str()), &PQfinish);
  const auto run = [&](const char* what) {
    const std::unique_ptr<PGresult, decltype(&PQclear)> done(PQexec(late.get(), what), &PQclear);
    ASSERT_EQ(PQresultStatus(done.get()), PGRES_COMMAND_OK) << PQerrorMessage(late.get());
  };
  for (int i = 0; sync_wait(status_of_outbox(*db))->overflowed == 0; ++i) {
    elsewhere("INSERT INTO agents SELECT 'agt_' || n, repeat('o', 100), '' FROM generate_series(" +
              std::to_string(i * 900) + ", " + std::to_string(i * 900 + 899) + ") n");
  }
  wait_until([&] { return clears(tells, clear_reason::overflow) > 0; });
  run("BEGIN");
  run("INSERT INTO agents VALUES ('late', 'o', '')");
  wait_until_relayed(tells);
  wait_until_relayed(tells);
  const auto before = clears(tells, clear_reason::overflow);
  wait_until_relayed(tells);
  EXPECT_EQ(clears(tells, clear_reason::overflow), before);
  run("COMMIT");
  wait_until_relayed(tells);
  EXPECT_GT(clears(tells, clear_reason::overflow), before) << "it was counted before, and is seen now";
}

TEST_F(PostgresRelay, RemovesEverythingWhenItWasAwayForTooLong) {
  const auto shared = make_memory_server();
  {
    const relay first(speaking_to(connect(shared)));
    wait_until_relayed(first);
  }
  elsewhere("INSERT INTO agents VALUES ('a', 'o', '')");
  elsewhere(
      "INSERT INTO strata_outbox.marks (at) VALUES (clock_timestamp() - interval '9 minutes 30 seconds')");
  const relay second(speaking_to(connect(shared)));
  wait_until_relayed(second);
  EXPECT_EQ(clears(second, clear_reason::too_old), 1U);
}

TEST_F(PostgresRelay, RemovesEverythingWhenTooMuchWaits) {
  const auto shared = make_memory_server();
  {
    const relay first(speaking_to(connect(shared)));
    wait_until_relayed(first);
  }
  for (int i = 0; i < 60; ++i) {
    elsewhere("INSERT INTO agents SELECT n, 'o', '' FROM generate_series(" + std::to_string(i * 900) + ", " +
              std::to_string(i * 900 + 899) + ") n");
  }
  const key_listener heard(connect(shared));
  const relay second(speaking_to(connect(shared)));
  wait_until_relayed(second);
  EXPECT_EQ(clears(second, clear_reason::too_many), 1U);
  EXPECT_TRUE(heard.keys().empty());
  EXPECT_EQ(heard.floors(), 1U);
  elsewhere("INSERT INTO agents VALUES ('later', 'o', '')");
  wait_until_relayed(second);
  EXPECT_TRUE(heard.heard("strata:agent:later"));
}

TEST_F(PostgresRelay, SaysWhatIsWrongWithItsOptions) {
  EXPECT_THROW(relay({.source = nullptr}), bad_options);
  cache held({.relayed = true});
  EXPECT_THROW(relay({.source = *open_sqlite({.file = ":memory:"}), .local = &held}), bad_options);
  EXPECT_THROW(relay({.source = db, .target = connect(make_memory_server()), .local = &held}), bad_options);
}

TEST_F(PostgresRelay, SaysThatTheOutboxIsMissingAndGoesOnOnceItIsThere) {
  sync_wait(uninstall_outbox(*db));
  names of(db);
  const relay tells({.source = source(), .local = &of.held, .log = noting()});
  wait_until([&] { return !tells.stats().trouble.empty(); });
  EXPECT_THAT(tells.stats().trouble, HasSubstr("strata db install"));
  install({.table = "agents", .keys = {"agent:{id}"}});
  wait_until_relayed(tells);
  EXPECT_EQ(tells.stats().trouble, "");
  EXPECT_THAT(log(), HasSubstr("relay: working again\n"));
}

}  // namespace
}  // namespace strata::test
