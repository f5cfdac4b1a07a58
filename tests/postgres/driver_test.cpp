// Features beyond the contract suite of databases: pipelines, pools, deadlines, prepared statements.

#include "tests/postgres/support.hpp"

namespace strata::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class PostgresDatabase : public PostgresTest {};

result<sql_rows> query(database& db, std::string_view text, sql_parameters values = {}) {
  return sync_wait(db.query(text, std::move(values)));
}
result<sql_rows> execute(database& db, std::string_view text, sql_parameters values = {}) {
  return sync_wait(db.execute(text, std::move(values)));
}

TEST_F(PostgresDatabase, OpeningTellsTheReasonAndNeverThePassword) {
  const std::pair<postgres_options, const char*> wrong[] = {
      {{.url = server.url(), .password = "hush-hush"}, "password authentication failed"},
      {{.url = server.url("nowhere")}, "database \"nowhere\" does not exist"},
      {{.url = server.url(), .port = 1, .password = "hush-hush"}, "Connection refused"},
      {{.url = server.url(), .sslmode = "require"}, "SSL"},
  };
  for (const auto& [with, reason] : wrong) {
    const auto opened = open_postgres(with);
    ASSERT_EQ(code_of(opened), "database_unavailable") << reason;
    EXPECT_THAT(opened.error().detail, HasSubstr(reason));
    EXPECT_THAT(opened.error().detail, Not(HasSubstr("hush")));
    EXPECT_THAT(opened.error().detail, Not(HasSubstr(postgres_server::password)));
  }
  EXPECT_THROW((void)open_postgres({.url = "postgres://a:hush@b:c/d", .readers = 0}), bad_options);
}

TEST_F(PostgresDatabase, TypesAreThoseThatBothDatabasesShare) {
  const auto db = open();
  const auto row = query(*db,
                         "SELECT 1::smallint, 2::int, 3::bigint, 4::numeric, 5.5::numeric, 6.5::real, true, "
                         "'text'::varchar, '2026-03-01T09:30:00Z'::timestamptz, '\\x00ff'::bytea, NULL::int");
  ASSERT_TRUE(row) << row.error().detail;
  EXPECT_THAT(row->row(0),
              ElementsAre(std::int64_t{1}, std::int64_t{2}, std::int64_t{3}, std::int64_t{4}, 5.5, 6.5,
                          std::int64_t{1}, "text", "2026-03-01 09:30:00+00", "\\x00ff", sql_value()));
}

TEST_F(PostgresDatabase, RefusesBytesThatAreNoText) {
  const auto db = open();
  EXPECT_EQ(code_of(query(*db, "SELECT $1::text", {std::string("a\0b", 3)})), "invalid_argument");
  const auto garbled = query(*db, "SELECT $1::text", {std::string("\xff\xfe")});
  EXPECT_EQ(code_of(garbled), "invalid_argument");
  EXPECT_THAT(garbled.error().detail, HasSubstr("not UTF-8"));
  EXPECT_EQ(code_of(query(*db, std::string_view("SELECT 1\0", 9))), "statement");
  EXPECT_EQ(code_of(query(*db, "SELECT $1::bigint", {"seven"})), "invalid_argument");
  EXPECT_EQ(number(query(*db, "SELECT 1")), 1);
}

TEST_F(PostgresDatabase, ErrorsKeepMessageAndSqlstate) {
  const auto db = open();
  const auto missing = query(*db, "SELECT * FROM nowhere");
  EXPECT_EQ(code_of(missing), "statement");
  EXPECT_EQ(missing.error().detail,
            "relation \"nowhere\" does not exist (SQLSTATE 42P01, in: SELECT * FROM nowhere)");
}

TEST_F(PostgresDatabase, LargeValuesComeBackWhole) {
  const auto db = open();
  const std::string large(20u << 20, 'x');
  const auto found = query(*db, "SELECT $1::text || 'y'", {large});
  ASSERT_TRUE(found) << found.error().detail;
  EXPECT_EQ(std::get<std::string>(found->row(0)[0]), large + 'y');
  ASSERT_TRUE(execute(*db, "CREATE TABLE t (a TEXT)"));
  ASSERT_TRUE(execute(*db, "INSERT INTO t SELECT repeat('z', 1000) FROM generate_series(1, 20000)"));
  EXPECT_EQ(query(*db, "SELECT a FROM t")->size(), 20'000u);
}

TEST_F(PostgresDatabase, TenThousandReadsShareOneConnection) {
  const auto db = open({.readers = 1, .queue_limit = 20'000});
  run_loop loop;
  int finished = 0;
  int good = 0;
  for (std::int64_t i = 0; i < 10'000; ++i) {
    start(&loop, db->query("SELECT $1::bigint * 2", {i}), [&, i](completion<result<sql_rows>> outcome) {
      ++finished;
      good += number(*outcome) == 2 * i ? 1 : 0;
    });
  }
  loop.run_until([&] { return finished == 10'000; });
  EXPECT_EQ(good, 10'000);
}

TEST_F(PostgresDatabase, AnErrorReachesItsOwnTaskAlone) {
  const auto db = open({.readers = 1});
  run_loop loop;
  int finished = 0;
  int good = 0;
  for (std::int64_t i = 0; i < 500; ++i) {
    const bool wrong = i % 7 == 3;
    auto task =
        wrong ? db->query("SELECT 1 / $1::bigint", {std::int64_t{0}}) : db->query("SELECT $1::bigint", {i});
    start(&loop, std::move(task), [&, i, wrong](completion<result<sql_rows>> outcome) {
      ++finished;
      good += wrong ? code_of(*outcome) == "statement" : number(*outcome) == i;
    });
  }
  loop.run_until([&] { return finished == 500; });
  EXPECT_EQ(good, 500);
}

TEST_F(PostgresDatabase, KeepsABoundedNumberOfPreparedStatements) {
  const auto db = open({.readers = 1});
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 600; ++i) EXPECT_EQ(number(query(*db, "SELECT " + std::to_string(i))), i);
  }
  EXPECT_LE(number(query(*db, "SELECT count(*) FROM pg_prepared_statements")), 257);
  EXPECT_GE(number(query(*db, "SELECT count(*) FROM pg_prepared_statements")), 200);
}

TEST_F(PostgresDatabase, APreparedStatementSurvivesAChangeOfTheSchema) {
  const auto db = open({.readers = 1, .writers = 1});
  ASSERT_TRUE(sync_wait(db->run_script("CREATE TABLE t (a BIGINT); INSERT INTO t VALUES (1);")));
  const char* update = "UPDATE t SET a = a + 1 RETURNING *";
  EXPECT_EQ(query(*db, "SELECT * FROM t")->columns().size(), 1u);
  EXPECT_EQ(execute(*db, update)->columns().size(), 1u);
  elsewhere("ALTER TABLE t ADD COLUMN b BIGINT DEFAULT 2");
  const auto found = query(*db, "SELECT * FROM t");
  ASSERT_TRUE(found) << found.error().detail;
  EXPECT_THAT(found->columns(), ElementsAre("a", "b"));
  const auto changed = execute(*db, update);
  ASSERT_TRUE(changed) << changed.error().detail;
  EXPECT_THAT(changed->row(0), ElementsAre(std::int64_t{3}, std::int64_t{2}));

  auto open = sync_wait(db->begin()).value();
  ASSERT_TRUE(sync_wait(open->execute("SELECT * FROM t", {})));
  ASSERT_TRUE(sync_wait(open->commit()));
  elsewhere("ALTER TABLE t DROP COLUMN b");
  open = sync_wait(db->begin()).value();
  EXPECT_EQ(code_of(sync_wait(open->execute("SELECT * FROM t", {}))), "contention") << "run it again";
  open.reset();
  open = sync_wait(db->begin_again()).value();
  EXPECT_EQ(sync_wait(open->execute("SELECT * FROM t", {}))->columns().size(), 1u);
}

TEST_F(PostgresDatabase, AStatementEndsAtItsDeadlineAndTheConnectionLivesOn) {
  const auto db = open({.readers = 1, .writers = 1, .statement_timeout = 500ms});
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(code_of(query(*db, "SELECT pg_sleep(30)")), "timeout");
    EXPECT_EQ(code_of(execute(*db, "SELECT pg_sleep(30)")), "timeout");
    auto open = sync_wait(db->begin()).value();
    EXPECT_EQ(code_of(sync_wait(open->execute("SELECT pg_sleep(30)", {}))), "timeout");
    open.reset();
    EXPECT_EQ(number(query(*db, "SELECT 1")), 1);
    EXPECT_EQ(number(execute(*db, "SELECT 1")), 1);
  }
  EXPECT_TRUE(sync_wait(db->run_script("SELECT pg_sleep(1)"))) << "scripts are exempt";
  EXPECT_EQ(code_of(execute(*db, "SELECT pg_sleep(30)")), "timeout") << "and only scripts";
}

TEST_F(PostgresDatabase, WaitingForAWriterIsBounded) {
  const auto db = open({.writers = 1, .queue_limit = 3, .statement_timeout = 1s});
  auto held = sync_wait(db->begin()).value();
  EXPECT_EQ(code_of(sync_wait(db->begin())), "timeout");
  EXPECT_EQ(code_of(execute(*db, "SELECT 1")), "timeout");
  run_loop loop;
  std::vector<std::string> ends;
  for (int i = 0; i < 5; ++i) {
    start(&loop, db->execute("SELECT 1", {}), [&](auto outcome) { ends.push_back(code_of(*outcome)); });
  }
  EXPECT_THAT(ends, ElementsAre("busy", "busy")) << "at once";
  ASSERT_TRUE(sync_wait(held->execute("SELECT 1", {}))) << "who has a connection goes on";
  ASSERT_TRUE(sync_wait(held->commit()));
  loop.run_until([&] { return ends.size() == 5; });
  EXPECT_EQ(std::ranges::count(ends, "ok"), 3);
}

TEST_F(PostgresDatabase, ATransactionCannotBeHeldForEver) {
  const auto db = open({.writers = 2, .statement_timeout = 10s, .transaction_timeout = 1s});
  ASSERT_TRUE(sync_wait(db->run_script("CREATE TABLE t (a BIGINT); INSERT INTO t VALUES (1);")));
  auto held = sync_wait(db->begin()).value();
  ASSERT_TRUE(sync_wait(held->execute("UPDATE t SET a = 2", {})));
  EXPECT_TRUE(execute(*db, "UPDATE t SET a = 3")) << "its lock was let go";
  // The server ends the session; the first side to notice determines the error.
  EXPECT_THAT(code_of(sync_wait(held->execute("SELECT 1", {}))),
              testing::AnyOf("timeout", "database_unavailable"));
  EXPECT_FALSE(sync_wait(held->commit()));
  EXPECT_EQ(number(query(*db, "SELECT a FROM t")), 3);
}

TEST_F(PostgresDatabase, AnAbandonedStatementIsCancelled) {
  const auto db = open({.writers = 1, .statement_timeout = 50s, .transaction_timeout = 60s});
  run_loop loop;
  const auto hangs = [](database& on) -> abandonable {
    auto open = co_await on.begin();
    (void)co_await (*open)->execute("SELECT pg_sleep(40)", {});
    ADD_FAILURE() << "an abandoned task went on";
  };
  auto task = hangs(*db);
  task.start(loop);
  const auto sleepers = [&] {
    return elsewhere(
        "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%pg_sleep(40)%' "
        "AND pid <> pg_backend_pid()");
  };
  wait_until([&] {
    loop.run_ready();
    return sleepers() == "1\n";
  });
  task.destroy();
  EXPECT_EQ(number(execute(*db, "SELECT 1")), 1) << "its connection is made anew";
  wait_until([&] { return sleepers() == "0\n"; });
}

TEST_F(PostgresDatabase, WhatIsNotSerializableIsContentionAndCanBeRunAgain) {
  const auto db = open();
  ASSERT_TRUE(
      sync_wait(db->run_script("CREATE TABLE doctors (id TEXT, on_call BIGINT); "
                               "INSERT INTO doctors VALUES ('a', 1), ('b', 1);")));
  const auto leave = [&](transaction& in, const char* who) -> result<sql_rows> {
    auto others = sync_wait(in.execute("SELECT count(*) FROM doctors WHERE on_call = 1", {}));
    if (!others || number(others) < 2) return others;
    return sync_wait(in.execute("UPDATE doctors SET on_call = 0 WHERE id = $1", {who}));
  };
  auto one = sync_wait(db->begin()).value();
  auto other = sync_wait(db->begin()).value();
  ASSERT_TRUE(leave(*one, "a"));
  const auto second = leave(*other, "b");
  const auto first_commit = sync_wait(one->commit());
  const auto second_commit =
      second ? sync_wait(other->commit()) : result<void>(std::unexpected(second.error()));
  EXPECT_NE(first_commit.has_value(), second_commit.has_value()) << "one of them";
  EXPECT_EQ(code_of(first_commit ? second_commit : first_commit), "contention");
  other.reset();
  auto again = sync_wait(db->begin_again()).value();
  ASSERT_TRUE(leave(*again, first_commit ? "b" : "a"));
  ASSERT_TRUE(sync_wait(again->commit()));
  EXPECT_EQ(number(query(*db, "SELECT count(*) FROM doctors WHERE on_call = 1")), 1);
}

TEST_F(PostgresDatabase, HasNoNumberOfForeignChanges) {
  EXPECT_EQ(code_of(sync_wait(open()->foreign_changes())), "invalid_argument");
}

TEST_F(PostgresDatabase, ATaskWithoutAnExecutorGoesOnOnTheDriversThread) {
  auto db = open();
  async_latch finished;
  std::thread::id where;
  start(nullptr, db->query("SELECT 1", {}), [&](const auto&) {
    where = std::this_thread::get_id();
    db.reset();  // even the database may be released there
    finished.set();
  });
  sync_wait([](async_latch& on) -> task<> { co_await on.wait(); }(finished));
  EXPECT_NE(where, std::this_thread::get_id());
}

TEST_F(PostgresDatabase, ClosingEndsEveryTaskAndRollsBackWhatIsOpen) {
  auto db = open({.writers = 1});
  ASSERT_TRUE(sync_wait(db->run_script("CREATE TABLE numbers (n BIGINT)")));
  run_loop loop;
  int finished = 0;
  auto held = sync_wait(db->begin()).value();
  ASSERT_TRUE(sync_wait(held->execute("INSERT INTO numbers VALUES (1)", {})));
  for (int i = 0; i < 20; ++i) {
    start(&loop, db->query("SELECT pg_sleep(20)", {}), [&](auto outcome) {
      ++finished;
      EXPECT_EQ(code_of(*outcome), "database_unavailable");
    });
    start(&loop, db->execute("INSERT INTO numbers VALUES (2)", {}), [&](auto outcome) {
      ++finished;
      EXPECT_EQ(code_of(*outcome), "database_unavailable");
    });
  }
  db.reset();
  loop.run_until([&] { return finished == 40; });
  EXPECT_EQ(code_of(sync_wait(held->commit())), "database_unavailable");
  held.reset();
  EXPECT_EQ(number(query(*open(), "SELECT count(*) FROM numbers")), 0);
}

}  // namespace
}  // namespace strata::test
