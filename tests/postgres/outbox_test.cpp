// The outbox: the records of its triggers, and its complete removal.

#include "tests/postgres/support.hpp"

#include <strata/outbox.hpp>

namespace strata::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class PostgresOutbox : public PostgresTest {
 protected:
  PostgresOutbox() {
    elsewhere("CREATE TABLE agents (id TEXT PRIMARY KEY, organization_id TEXT, name TEXT)");
  }

  bool install(outbox_rule rule, outbox_options options = {}) {
    auto done = sync_wait(install_outbox(*db, std::move(rule), options));
    if (!done) throw std::runtime_error(done.error().detail);
    return *done;
  }
  result<bool> try_install(outbox_rule rule) { return sync_wait(install_outbox(*db, std::move(rule))); }
  outbox_status status() { return sync_wait(status_of_outbox(*db)).value(); }

  /// The changes recorded since the last call, a line each: kind and values.
  std::string written() {
    auto out = elsewhere("SELECT what, vals FROM strata_outbox.changes ORDER BY place");
    elsewhere("TRUNCATE strata_outbox.changes");
    return out;
  }
  std::string traces() {
    return elsewhere(
        "SELECT (SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal), "
        "(SELECT count(*) FROM pg_namespace WHERE nspname = 'strata_outbox'), "
        "(SELECT count(*) FROM pg_proc WHERE proname LIKE 'rule_%')");
  }

  static outbox_rule agents() {
    return {.table = "agents", .keys = {"agent:{id}"}, .prefixes = {"api:agents:list:{organization_id}"}};
  }

  std::shared_ptr<database> db = open();
};

TEST_F(PostgresOutbox, WritesDownEveryRowThatAnotherProgramChanges) {
  for (const auto level : {trigger_level::statement, trigger_level::row}) {
    auto rule = agents();
    rule.level = level;
    EXPECT_TRUE(install(rule));
    elsewhere("INSERT INTO agents VALUES ('a', 'o', ''), ('b', NULL, '')");
    EXPECT_EQ(written(), "i|{a,o}\ni|{b,NULL}\n");
    elsewhere("UPDATE agents SET name = 'x' WHERE id = 'a'");
    EXPECT_EQ(written(), "u|{a,o}\n");
    elsewhere("COPY agents (id) FROM PROGRAM 'seq 1 2'");
    EXPECT_EQ(written(), "i|{1,NULL}\ni|{2,NULL}\n");
    elsewhere("DELETE FROM agents WHERE id IN ('1', '2', 'nobody')");
    EXPECT_EQ(written(), "d|{1,NULL}\nd|{2,NULL}\n");
    elsewhere(
        "BEGIN; UPDATE agents SET name = 'y'; ROLLBACK; UPDATE agents SET name = 'z' WHERE id = 'none'");
    EXPECT_EQ(written(), "");
    elsewhere("TRUNCATE agents");
    EXPECT_EQ(written(), "t|{}\n");
  }
}

TEST_F(PostgresOutbox, WritesDownTheOldKeyOfARowThatGetsANewOne) {
  for (const auto level : {trigger_level::statement, trigger_level::row}) {
    auto rule = agents();
    rule.level = level;
    install(rule);
    elsewhere("DELETE FROM agents; INSERT INTO agents VALUES ('a', 'o', '')");
    written();
    elsewhere("UPDATE agents SET id = 'b', organization_id = 'p'");
    const auto both = written();
    EXPECT_THAT(both, HasSubstr("u|{a,o}\n"));
    EXPECT_THAT(both, HasSubstr("u|{b,p}\n"));
  }
}

TEST_F(PostgresOutbox, WritesDownABulkChangeAsOne) {
  install(agents());
  elsewhere("INSERT INTO agents SELECT 'agt_' || n, 'o', '' FROM generate_series(1, 100000) n");
  EXPECT_EQ(elsewhere("SELECT what, count(*) FROM strata_outbox.changes GROUP BY 1 ORDER BY 1"),
            "b|1\ni|1000\n");
}

TEST_F(PostgresOutbox, SeesWhatReplicationAndRolesWithoutRightsWrite) {
  install(agents());
  elsewhere("SET session_replication_role = replica; INSERT INTO agents VALUES ('a', 'o', '')");
  EXPECT_EQ(written(), "i|{a,o}\n");
  const auto role = "writer_of_" + name;
  elsewhere("CREATE ROLE " + role + "; GRANT INSERT ON agents TO " + role + "; SET ROLE " + role +
            "; INSERT INTO agents VALUES ('b', 'o', '')");
  EXPECT_EQ(written(), "i|{b,o}\n");
}

TEST_F(PostgresOutbox, SeesPartitionsThatAreWrittenToByTheirOwnNames) {
  elsewhere(
      "CREATE TABLE parts (id TEXT, n INT) PARTITION BY LIST (n);"
      "CREATE TABLE parts_1 PARTITION OF parts FOR VALUES IN (1)");
  EXPECT_EQ(
      try_install({.table = "parts", .keys = {"part:{id}"}, .level = trigger_level::statement}).error().code,
      errc::invalid_argument);
  install({.table = "parts", .keys = {"part:{id}"}});
  EXPECT_EQ(status().tables.at(0).rule.level, trigger_level::row);
  EXPECT_TRUE(status().tables.at(0).complete);
  elsewhere("INSERT INTO parts_1 VALUES ('a', 1); TRUNCATE parts_1");
  EXPECT_EQ(written(), "i|{a}\nt|{}\n");
  elsewhere("CREATE TABLE parts_2 PARTITION OF parts FOR VALUES IN (2)");
  EXPECT_FALSE(status().tables.at(0).complete);
  EXPECT_TRUE(install({.table = "parts", .keys = {"part:{id}"}}));
  elsewhere("INSERT INTO parts_2 VALUES ('b', 2); TRUNCATE parts_2");
  EXPECT_EQ(written(), "i|{b}\nt|{}\n");
}

TEST_F(PostgresOutbox, TakesOddNamesAsTheyAre) {
  elsewhere(
      R"(CREATE SCHEMA "odd $strata$ "; CREATE TABLE "odd $strata$ "."it's; ""DROP""" (id TEXT, "order" INT))");
  const std::string odd = R"("odd $strata$ "."it's; ""DROP""")";
  install({.table = odd, .keys = {"odd:it's:{id}:{order}"}, .tags = {R"(a\"b',c)"}});
  elsewhere("INSERT INTO " + odd + R"( VALUES ('a"{},\ b', 1))");
  EXPECT_EQ(written(), R"(i|{"a\"{},\\ b",1})"
                       "\n");
  EXPECT_THAT(status().tables.at(0).rule.tags, ElementsAre(R"(a\"b',c)"));
  ASSERT_TRUE(sync_wait(uninstall_outbox(*db, odd)));
  EXPECT_EQ(traces(), "0|0|0\n");
}

TEST_F(PostgresOutbox, ChangesNothingWhenTheSameIsInstalledAgain) {
  EXPECT_TRUE(install(agents()));
  const auto now = elsewhere("SELECT max(oid::bigint) FROM pg_trigger");
  EXPECT_FALSE(install(agents()));
  EXPECT_EQ(elsewhere("SELECT max(oid::bigint) FROM pg_trigger"), now);
  auto other = agents();
  other.tags = {"org:{organization_id}"};
  EXPECT_TRUE(install(other));
  EXPECT_EQ(status().tables.size(), 1U);
  elsewhere("ALTER TABLE agents DISABLE TRIGGER ALL");
  EXPECT_FALSE(status().tables.at(0).complete);
  EXPECT_TRUE(install(other));
  EXPECT_TRUE(status().tables.at(0).complete);
  elsewhere("INSERT INTO agents VALUES ('a', 'o', '')");
  EXPECT_EQ(written(), "i|{a,o}\n");
}

TEST_F(PostgresOutbox, IsInstalledOnceBySeveralProcessesAtOnce) {
  std::vector<std::thread> threads;
  std::atomic<int> changed = 0;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      const auto own = open();
      const auto done = sync_wait(install_outbox(*own, agents()));
      if (!done) ADD_FAILURE() << done.error().detail;
      if (done && *done) ++changed;
    });
  }
  for (auto& each : threads) each.join();
  EXPECT_EQ(changed, 1);
  elsewhere("INSERT INTO agents VALUES ('a', 'o', '')");
  EXPECT_EQ(written(), "i|{a,o}\n");
}

TEST_F(PostgresOutbox, LeavesNothingWhenItIsUninstalled) {
  elsewhere("CREATE TABLE listings (id TEXT)");
  install(agents());
  install({.table = "listings", .keys = {"listing:{id}"}, .event = "listing"});
  ASSERT_TRUE(sync_wait(uninstall_outbox(*db, "agents")));
  EXPECT_EQ(status().tables.size(), 1U);
  EXPECT_EQ(sync_wait(uninstall_outbox(*db, "agents")).error().code, errc::not_found);
  ASSERT_TRUE(sync_wait(uninstall_outbox(*db, "listings")));
  EXPECT_EQ(traces(), "0|0|0\n");
  install(agents());
  install({.table = "listings", .keys = {"listing:{id}"}});
  elsewhere("DROP TABLE listings");
  ASSERT_TRUE(sync_wait(uninstall_outbox(*db)));
  EXPECT_EQ(traces(), "0|0|0\n");
  EXPECT_TRUE(sync_wait(uninstall_outbox(*db))) << "there is nothing to do";
  EXPECT_FALSE(status().present);
  elsewhere("INSERT INTO agents VALUES ('a', 'o', '')");
}

TEST_F(PostgresOutbox, NamesEveryProblemOfARule) {
  const auto wrong = try_install(
      {.table = "agents", .keys = {"agent:{no}", "{id}"}, .prefixes = {"list:*"}, .event = "A b"});
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, errc::invalid_argument);
  EXPECT_THAT(wrong.error().detail, HasSubstr("no column no"));
  EXPECT_THAT(wrong.error().detail, HasSubstr("must begin with its own text"));
  EXPECT_THAT(wrong.error().detail, HasSubstr("prefix \"list:*\" must be"));
  EXPECT_THAT(wrong.error().detail, HasSubstr("event must be"));
  EXPECT_EQ(try_install({.table = "nobody", .keys = {"a:b"}}).error().code, errc::not_found);
  EXPECT_EQ(try_install({.table = "agents"}).error().code, errc::invalid_argument);
  EXPECT_FALSE(try_install({.table = "agents; DROP TABLE agents", .keys = {"a:b"}}));
  EXPECT_FALSE(try_install({.table = "pg_views", .keys = {"a:b"}}));
  EXPECT_EQ(traces(), "0|0|0\n") << "what fails leaves nothing";
}

TEST_F(PostgresOutbox, TakesNoMoreThanItsLimitAndCountsTheRest) {
  install(agents(), {.limit = byte_size{1u << 20}});
  for (int i = 0; i < 60; ++i) {
    elsewhere("INSERT INTO agents SELECT 'agt_' || n, repeat('o', 100), '' FROM generate_series(" +
              std::to_string(i * 900) + ", " + std::to_string(i * 900 + 899) + ") n");
  }
  const auto found = status();
  EXPECT_GT(found.overflowed, 0U);
  EXPECT_EQ(found.limit, 1u << 20);
  EXPECT_LT(found.bytes, 2u << 20);
  EXPECT_TRUE(install(agents(), {.limit = byte_size{64u << 20}}));
  const auto counted = found.overflowed;
  elsewhere("INSERT INTO agents VALUES ('more', 'o', '')");
  EXPECT_EQ(status().overflowed, counted);
}

TEST_F(PostgresOutbox, IsEmptiedOfWhatIsOldAndOfNothingElse) {
  install(agents());
  elsewhere("INSERT INTO agents VALUES ('a', 'o', '')");
  EXPECT_EQ(elsewhere("SELECT strata_outbox.maintain('10 minutes')"), "0\n");
  // As if ten minutes had passed since the mark.
  elsewhere("UPDATE strata_outbox.marks SET at = at - interval '11 minutes'");
  const auto late = open();
  auto held = sync_wait(late->begin()).value();
  ASSERT_TRUE(sync_wait(held->execute("INSERT INTO agents VALUES ('late', 'o', '')", {})));
  EXPECT_EQ(elsewhere("SELECT strata_outbox.maintain('10 minutes')"), "0\n") << "a writer has the part";
  ASSERT_TRUE(sync_wait(held->commit()));
  EXPECT_EQ(elsewhere("SELECT strata_outbox.maintain('10 minutes')"), "0\n") << "what came late is young";
  elsewhere("UPDATE strata_outbox.marks SET at = at - interval '11 minutes'");
  EXPECT_EQ(elsewhere("SELECT strata_outbox.maintain('10 minutes')"), "0\n");
  elsewhere("UPDATE strata_outbox.marks SET at = at - interval '11 minutes'");
  EXPECT_NE(elsewhere("SELECT strata_outbox.maintain('10 minutes')"), "0\n");
  EXPECT_EQ(written(), "");
}

}  // namespace
}  // namespace strata::test
