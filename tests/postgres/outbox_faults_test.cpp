// Whatever happens to the outbox or to the tables under it, writes succeed, and no change goes unseen.

#include "tests/postgres/relay_support.hpp"

#include <strata/testing.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <sstream>

namespace strata::test {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

/// Each test runs for triggers by statement and by row.
class PostgresOutboxFaults : public RelayTest, public ::testing::WithParamInterface<trigger_level> {
 protected:
  PostgresOutboxFaults() { install_as(*db, agents()); }

  outbox_rule agents(const std::string& organization = "organization_id") const {
    return {.table = "agents",
            .keys = {"agent:{id}"},
            .prefixes = {"list:{" + organization + '}'},
            .level = GetParam()};
  }
  static bool install_as(database& with, outbox_rule rule) {
    auto done = sync_wait(install_outbox(with, std::move(rule)));
    if (!done) throw std::runtime_error(done.error().detail);
    return *done;
  }
  outbox_status status() { return sync_wait(status_of_outbox(*db)).value(); }

  /// The changes since the last call, a line each: kind and values.
  std::string written() {
    auto out = elsewhere("SELECT what, vals FROM strata_outbox.changes ORDER BY place");
    elsewhere("TRUNCATE strata_outbox.changes");
    return out;
  }
  std::string overflow() { return elsewhere("SELECT is_called FROM strata_outbox.overflow"); }

  /// Writes in every way; each must succeed, or this throws.
  void write_all() {
    elsewhere("INSERT INTO agents (id) VALUES ('x'), ('y')");
    elsewhere("UPDATE agents SET name = 'new' WHERE id = 'x'");
    elsewhere("COPY agents (id) FROM PROGRAM 'seq 1 3'");
    elsewhere("BEGIN; DELETE FROM agents WHERE id = 'x'; DELETE FROM agents; COMMIT");
    elsewhere("INSERT INTO agents (id) VALUES ('x'); TRUNCATE agents");
  }
};

INSTANTIATE_TEST_SUITE_P(Levels, PostgresOutboxFaults,
                         ::testing::Values(trigger_level::statement, trigger_level::row),
                         [](const auto& of) { return std::string(name(of.param)); });

TEST_P(PostgresOutboxFaults, AColumnThatIsRenamedWidensItsRule) {
  elsewhere("ALTER TABLE agents RENAME organization_id TO owner");
  write_all();
  const auto changes = written();
  EXPECT_THAT(changes, HasSubstr("w|{NULL,NULL,\"42703: column "));
  EXPECT_THAT(changes, Not(HasSubstr("u|")));
  EXPECT_THAT(changes, HasSubstr("t|{}"));
  const auto found = status().tables.at(0);
  EXPECT_TRUE(found.complete);
  EXPECT_THAT(found.problems, Contains(HasSubstr("has no column organization_id any more")));
  install_as(*db, agents("owner"));
  EXPECT_THAT(status().tables.at(0).problems, IsEmpty());
  elsewhere("INSERT INTO agents VALUES ('a', 'o', '')");
  EXPECT_EQ(written(), "i|{a,o}\n");
}

TEST_P(PostgresOutboxFaults, AColumnThatIsDroppedWidensItsRule) {
  elsewhere("ALTER TABLE agents DROP organization_id");
  write_all();
  EXPECT_THAT(written(), HasSubstr("w|{NULL,NULL,\"42703: "));
  elsewhere("INSERT INTO agents (id) VALUES ('x')");
  EXPECT_THAT(status().tables.at(0).problems,
              Contains(HasSubstr("1 writes, and recorded the widest change")));
}

TEST_P(PostgresOutboxFaults, AColumnMayBeRenamedInTheMiddleOfATransaction) {
  elsewhere("INSERT INTO agents VALUES ('a', 'o', '')");
  written();
  const auto writer = open({.writers = 1});
  auto held = sync_wait(writer->begin()).value();
  const auto run = [&](const char* statement) {
    const auto done = sync_wait(held->run_script(statement));
    ASSERT_TRUE(done) << done.error().detail;
  };
  run("UPDATE agents SET name = 'b'");
  run("ALTER TABLE agents RENAME organization_id TO owner");
  run("UPDATE agents SET name = 'c'; UPDATE agents SET name = 'd'");
  run("ALTER TABLE agents RENAME owner TO organization_id");
  run("UPDATE agents SET name = 'e'");
  ASSERT_TRUE(sync_wait(held->commit()));
  const auto changes = written();
  EXPECT_THAT(changes, ::testing::StartsWith("u|{a,o}\nw|{NULL,NULL,"));
  EXPECT_THAT(changes, ::testing::EndsWith("\nu|{a,o}\n"));
  EXPECT_EQ(std::ranges::count(changes, 'w'), 1) << "one such change covers its transaction:\n" << changes;
}

TEST_P(PostgresOutboxFaults, ATypeThatChangesUnderAnOpenSessionKeepsItsText) {
  elsewhere("ALTER TABLE agents ADD day text");
  install_as(*db, {.table = "agents", .keys = {"agent:{day}"}, .level = GetParam()});
  elsewhere("INSERT INTO agents (id, day) VALUES ('a', '2026-03-01')");
  const auto writer = open({.writers = 1});
  const auto update = [&] {
    const auto done = sync_wait(writer->execute("UPDATE agents SET name = 'x'", {}));
    ASSERT_TRUE(done) << done.error().detail;
  };
  update();
  for (const auto* type : {"date", "timestamp", "text"}) {
    elsewhere(fmt::format("ALTER TABLE agents ALTER day TYPE {0} USING day::{0}", type));
    written();
    update();
    EXPECT_EQ(written(),
              type == std::string_view("date") ? "u|{2026-03-01}\n" : "u|{\"2026-03-01 00:00:00\"}\n");
  }
  elsewhere("ALTER TABLE agents DROP day; ALTER TABLE agents ADD day regclass DEFAULT 'agents'::regclass");
  EXPECT_THAT(status().tables.at(0).problems, Contains(HasSubstr("column day is a regclass")));
}

TEST_P(PostgresOutboxFaults, ColumnsMayBeCalledAnything) {
  elsewhere(
      "CREATE TABLE odd (part text, written text, what text, vals text, rule text, r text, c text, v text, e "
      "text, "
      "strata_part text, strata_rows text, strata_why text, new_rows text, tg_op text, new text, old text)");
  std::vector<std::string> keys;
  std::istringstream columns(
      elsewhere("SELECT attname FROM pg_attribute WHERE attrelid = 'odd'::regclass AND attnum > 0"));
  for (std::string each; std::getline(columns, each);) keys.push_back("odd:{" + each + '}');
  install_as(*db, {.table = "odd", .keys = keys, .level = GetParam()});
  elsewhere(
      "INSERT INTO odd VALUES ('1','2','3','4','5','6','7','8','9','10','11','12','13','14','15','16')");
  elsewhere("UPDATE odd SET part = '0'");
  const std::string rest = ",2,3,4,5,6,7,8,9,10,11,12,13,14,15,16}\n";
  const auto changes = written();
  EXPECT_THAT(changes, HasSubstr("i|{1" + rest));
  EXPECT_THAT(changes, HasSubstr("u|{0" + rest));
  EXPECT_THAT(changes, HasSubstr("u|{1" + rest));
}

TEST_P(PostgresOutboxFaults, ALongTransactionTakesFewTransactionIds) {
  const auto next = [&] { return std::stoll(elsewhere("SELECT pg_current_xact_id()")); };
  const auto before = next();
  std::string many = "BEGIN;";
  for (int i = 0; i < 200; ++i) many += fmt::format("INSERT INTO agents (id) VALUES ('{0}a'), ('{0}b');", i);
  elsewhere(many + "COMMIT");
  EXPECT_LE(next() - before, 4);
  EXPECT_EQ(elsewhere("SELECT count(*) FROM strata_outbox.changes"), "400\n");
}

TEST_P(PostgresOutboxFaults, ASavepointThatIsRolledBackTakesNothingAlong) {
  elsewhere(
      "BEGIN; SAVEPOINT s; INSERT INTO agents (id) VALUES ('a'); ROLLBACK TO s; INSERT INTO agents (id) "
      "VALUES ('b'); "
      "SAVEPOINT t; INSERT INTO agents (id) VALUES ('c'); ROLLBACK TO t; INSERT INTO agents (id) VALUES "
      "('d'); COMMIT");
  EXPECT_EQ(written(), "i|{b,NULL}\ni|{d,NULL}\n");
}

TEST_P(PostgresOutboxFaults, ARenamedSchemaStopsNoWriteAndIsSeenWhenItIsBack) {
  elsewhere("ALTER SCHEMA strata_outbox RENAME TO elsewhere");
  write_all();
  const auto found = status();
  EXPECT_FALSE(found.present);
  EXPECT_THAT(found.problems, Contains(HasSubstr("ALTER SCHEMA \"elsewhere\" RENAME TO strata_outbox")));
  const auto refused = sync_wait(install_outbox(*db, agents()));
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().detail, HasSubstr("is called \"elsewhere\" now"));
  elsewhere("ALTER SCHEMA elsewhere RENAME TO strata_outbox");
  EXPECT_EQ(overflow(), "t\n") << "the relay clears the name space";
  written();
  elsewhere("INSERT INTO agents (id) VALUES ('a')");
  EXPECT_EQ(written(), "i|{a,NULL}\n");
}

TEST_P(PostgresOutboxFaults, ADroppedOutboxStopsNoWrite) {
  elsewhere(
      "DROP TABLE strata_outbox.changes_0, strata_outbox.changes_1, strata_outbox.changes_2, "
      "strata_outbox.changes_3, strata_outbox.changes_4, strata_outbox.changes_5, strata_outbox.changes_6");
  elsewhere("DROP TABLE strata_outbox.changes_7");
  write_all();
  EXPECT_EQ(overflow(), "t\n");
  EXPECT_THAT(status().problems, Contains(HasSubstr("parts of strata_outbox.changes are missing")));
  elsewhere("DROP TABLE strata_outbox.changes CASCADE");
  write_all();
  elsewhere("DROP SEQUENCE strata_outbox.overflow");
  write_all();
  elsewhere("DROP SCHEMA strata_outbox CASCADE");
  write_all();
  EXPECT_FALSE(status().present);
  EXPECT_TRUE(install_as(*db, agents()));
}

TEST_P(PostgresOutboxFaults, AnOwnerWithoutRightsStopsNoWriteAndStopsTheRelayOnceItIsBlind) {
  const auto role = "owner_of_" + name;
  elsewhere("CREATE ROLE " + role);
  write_all();
  const relay fed(speaking_to(connect(make_memory_server())));
  wait_until_relayed(fed);
  // The functions run as their owner.
  elsewhere("ALTER FUNCTION strata_outbox.rule_2() OWNER TO " + role +
            "; GRANT USAGE ON SEQUENCE strata_outbox.overflow TO " + role);
  write_all();
  EXPECT_EQ(overflow(), "t\n");
  EXPECT_THAT(status().tables.at(0).problems,
              Contains(HasSubstr("the role " + role + " owns its trigger function")));
  wait_until([&] { return clears(fed, clear_reason::overflow) > 0 && fed.stats().problems == 1; });
  EXPECT_THAT(log(), HasSubstr("the outbox of agents: the role " + role));
  EXPECT_EQ(fed.stats().trouble, "");
  elsewhere("REVOKE USAGE ON SEQUENCE strata_outbox.overflow FROM " + role);
  write_all();
  wait_until([&] { return !fed.stats().trouble.empty(); });
  EXPECT_THAT(fed.stats().trouble, HasSubstr("the role " + role));
  elsewhere("ALTER FUNCTION strata_outbox.rule_2() OWNER TO strata");
  wait_until([&] { return fed.stats().trouble.empty() && fed.stats().problems == 0; });
}

TEST_P(PostgresOutboxFaults, TheRelayRemovesTheWidestAndSaysWhy) {
  cache held({.relayed = true});
  relay_options options{.source = source(), .local = &held, .log = noting()};
  const relay fed(options);
  wait_until_relayed(fed);
  elsewhere("ALTER TABLE agents RENAME organization_id TO owner");
  wait_until([&] { return fed.stats().problems == 1; });
  elsewhere("INSERT INTO agents (id) VALUES ('a')");
  wait_until([&] { return fed.stats().widened == 1; });
  EXPECT_GE(fed.stats().floors, 2u) << "agent and list";
  EXPECT_THAT(log(),
              HasSubstr("could not read its rows, so it recorded the widest change of their table: 42703"));
  EXPECT_THAT(log(), HasSubstr("relay: the outbox of agents: it has no column organization_id any more"));
  install_as(*db, agents("owner"));
  wait_until([&] { return fed.stats().problems == 0; });
  EXPECT_THAT(log(), HasSubstr("the outbox records every change exactly again"));
}

TEST_P(PostgresOutboxFaults, AFunctionOfAnOlderVersionIsReplacedByAnyInstallation) {
  elsewhere(
      "CREATE OR REPLACE FUNCTION strata_outbox.rule_2() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE "
      "EXCEPTION 'old'; END $$; COMMENT ON FUNCTION strata_outbox.rule_2() IS NULL; ALTER TABLE "
      "strata_outbox.rules DROP called");
  EXPECT_ANY_THROW(elsewhere("INSERT INTO agents (id) VALUES ('a')"));
  EXPECT_THAT(status().tables.at(0).problems, Contains(HasSubstr("of an older version")));
  elsewhere("CREATE TABLE listings (id text)");
  EXPECT_TRUE(install_as(*db, {.table = "listings", .keys = {"listing:{id}"}}));
  EXPECT_THAT(status().tables.at(0).problems, IsEmpty());
  elsewhere("INSERT INTO agents (id) VALUES ('a')");
  EXPECT_EQ(written(), "i|{a,NULL}\n");
  EXPECT_FALSE(install_as(*db, agents())) << "the rule and its triggers are the same";
}

TEST_P(PostgresOutboxFaults, ATableThatTakesTheNameOfAnotherIsReported) {
  elsewhere(
      "CREATE TABLE agents_new (LIKE agents); ALTER TABLE agents RENAME TO agents_old; ALTER TABLE "
      "agents_new "
      "RENAME TO agents");
  EXPECT_THAT(status().tables.at(0).problems, Contains(HasSubstr("public.agents is another table now")));
  install_as(*db, agents());
  elsewhere("DROP TABLE agents_old");
  EXPECT_THAT(status().tables.at(0).problems, IsEmpty());
  elsewhere("DROP TABLE agents; CREATE TABLE agents (id text PRIMARY KEY, organization_id text, name text)");
  EXPECT_THAT(status().problems, Contains(HasSubstr("public.agents is another table now")));
  install_as(*db, agents());
  EXPECT_THAT(status().problems, IsEmpty());
  elsewhere("ALTER TABLE agents DISABLE TRIGGER ALL");
  EXPECT_THAT(status().tables.at(0).problems, Contains(HasSubstr("triggers are missing or disabled")));
}

}  // namespace
}  // namespace strata::test
