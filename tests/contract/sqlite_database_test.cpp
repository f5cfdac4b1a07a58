#include "tests/contract/database_contract.hpp"
#include "tests/contract/temporary_folder.hpp"

#include <sys/stat.h>

#include <fstream>

namespace {

using strata::sync_wait;
using strata::test::code_of;
using strata::test::number;

class sqlite_provider {
 public:
  std::shared_ptr<strata::database> open() { return open({.file = folder_.file("test.db")}); }
  std::shared_ptr<strata::database> open(strata::sqlite_options options) {
    auto opened = strata::open_sqlite(std::move(options));
    if (!opened) throw std::runtime_error(opened.error().detail);
    return std::move(*opened);
  }
  std::string file(const std::string& name) const { return folder_.file(name); }

 private:
  strata::test::temporary_folder folder_;
};

strata::task<bool> write_in_turn(strata::database& db, int n, std::vector<int>& order) {
  auto open = co_await db.begin();
  if (!open) co_return false;
  order.push_back(n);
  auto done = co_await (*open)->commit();
  co_return done.has_value();
}

}  // namespace

INSTANTIATE_TYPED_TEST_SUITE_P(Sqlite, DatabaseContract, sqlite_provider);

TEST(SqliteDatabase, ForeignChangesTellsOfOthersCommitsAndNotOfOurs) {
  sqlite_provider provider;
  const auto db = provider.open();
  const auto now = [&] { return sync_wait(db->foreign_changes()).value(); };
  const auto before = now();
  ASSERT_TRUE(sync_wait(db->execute("CREATE TABLE t (id TEXT)", {})));
  ASSERT_TRUE(sync_wait(sync_wait(db->begin()).value()->commit()));
  EXPECT_EQ(now(), before);
  const auto other = provider.open();
  EXPECT_EQ(now(), before);
  ASSERT_TRUE(sync_wait(other->execute("INSERT INTO t VALUES ('theirs')", {})));
  const auto after = now();
  EXPECT_NE(after, before);
  EXPECT_EQ(now(), after);
}

TEST(SqliteDatabase, WritersGoFirstComeFirstServed) {
  sqlite_provider provider;
  const auto db = provider.open();
  strata::run_loop loop;
  std::vector<int> order;
  int finished = 0;
  auto first = sync_wait(db->begin()).value();
  for (int i = 0; i < 100; ++i) {
    strata::start(&loop, write_in_turn(*db, i, order), [&](const auto&) { ++finished; });
  }
  first.reset();
  loop.run_until([&] { return finished == 100; });
  std::vector<int> expected(100);
  for (int i = 0; i < 100; ++i) expected[static_cast<std::size_t>(i)] = i;
  EXPECT_EQ(order, expected);
}

TEST(SqliteDatabase, ATaskThatLeavesTheQueueLetsTheNextOneWrite) {
  sqlite_provider provider;
  const auto db = provider.open();
  strata::run_loop loop;
  std::vector<int> order;
  int finished = 0;
  const auto waits = [](strata::database& in) -> strata::test::abandonable {
    auto open = co_await in.begin();
    ADD_FAILURE() << "an abandoned task went on";
  };
  auto first = sync_wait(db->begin()).value();
  auto leaves = waits(*db);
  auto leaves_with_the_turn = waits(*db);
  leaves.start(loop);
  leaves_with_the_turn.start(loop);
  strata::start(&loop, write_in_turn(*db, 7, order), [&](const auto&) { ++finished; });
  leaves.destroy();
  ASSERT_TRUE(sync_wait(first->commit()));  // the turn is granted to the second, which has not run yet
  leaves_with_the_turn.destroy();
  loop.run_until([&] { return finished == 1; });
  EXPECT_THAT(order, testing::ElementsAre(7));
}

TEST(SqliteDatabase, ATransactionThatItsAbandonedTaskNeverSawEndsAtOnce) {
  sqlite_provider provider;
  const auto db = provider.open();
  strata::run_loop loop;
  const auto begins = [](strata::database& in) -> strata::test::abandonable {
    auto open = co_await in.begin();
    ADD_FAILURE() << "an abandoned task went on";
  };
  auto abandoned = begins(*db);
  abandoned.start(loop);
  (void)sync_wait(db->foreign_changes());  // comes behind BEGIN on the writer's thread
  abandoned.destroy();
  EXPECT_TRUE(sync_wait(db->execute("CREATE TABLE t (id TEXT)", {}))) << "although the loop never ran";
}

TEST(SqliteDatabase, RefusesWorkAboveItsQueueLimit) {
  sqlite_provider provider;
  const auto db = provider.open({.file = provider.file("test.db"), .queue_limit = 3});
  strata::run_loop loop;
  std::vector<int> order;
  int good = 0;
  int finished = 0;
  auto first = sync_wait(db->begin()).value();
  for (int i = 0; i < 5; ++i) {
    strata::start(&loop, write_in_turn(*db, i, order), [&](strata::completion<bool> outcome) {
      ++finished;
      good += *outcome ? 1 : 0;
    });
  }
  EXPECT_EQ(finished, 2) << "two too many are refused at once";
  EXPECT_EQ(good, 0);
  EXPECT_EQ(code_of(sync_wait(db->begin())), "busy");
  first.reset();
  loop.run_until([&] { return finished == 5; });
  EXPECT_EQ(good, 3);
}

TEST(SqliteDatabase, ATaskWithoutAnExecutorGoesOnOnTheDatabasesThread) {
  sqlite_provider provider;
  auto db = provider.open();
  strata::async_latch finished;
  std::thread::id where;
  strata::start(nullptr, db->query("SELECT 1", {}), [&](const auto&) {
    where = std::this_thread::get_id();
    db.reset();  // even the database may be let go there
    finished.set();
  });
  sync_wait([](strata::async_latch& on) -> strata::task<> { co_await on.wait(); }(finished));
  EXPECT_NE(where, std::this_thread::get_id());
}

TEST(SqliteDatabase, ClosingEndsEveryTaskAndRollsBackWhatIsOpen) {
  sqlite_provider provider;
  auto db = provider.open();
  ASSERT_TRUE(sync_wait(db->run_script("CREATE TABLE numbers (n BIGINT)")));
  strata::run_loop loop;
  int finished = 0;
  int good = 0;
  auto open = sync_wait(db->begin()).value();
  ASSERT_TRUE(sync_wait(open->execute("INSERT INTO numbers VALUES (1)", {})));
  for (int i = 0; i < 20; ++i) {
    strata::start(&loop, db->query("SELECT count(*) FROM numbers", {}), [&](auto outcome) {
      ++finished;
      good += *outcome ? 1 : 0;
    });
    strata::start(&loop, db->execute("INSERT INTO numbers VALUES (2)", {}), [&](auto outcome) {
      ++finished;
      EXPECT_EQ(code_of(*outcome), "database_unavailable");
    });
  }
  db.reset();
  loop.run_until([&] { return finished == 40; });
  EXPECT_EQ(good, 20) << "what was queued is still answered";
  EXPECT_EQ(code_of(sync_wait(open->commit())), "database_unavailable");
  open.reset();
  db = provider.open();
  EXPECT_EQ(number(sync_wait(db->query("SELECT count(*) FROM numbers", {}))), 0);
}

TEST(SqliteDatabase, WaitsForAnotherProgramsWriteAndThenTimesOut) {
  sqlite_provider provider;
  const auto ours =
      provider.open({.file = provider.file("test.db"), .busy_timeout = std::chrono::milliseconds(20)});
  const auto theirs = provider.open();
  auto open = sync_wait(theirs->begin()).value();
  EXPECT_EQ(code_of(sync_wait(ours->begin())), "timeout");
  EXPECT_EQ(code_of(sync_wait(ours->execute("CREATE TABLE t (id TEXT)", {}))), "timeout");
  EXPECT_TRUE(sync_wait(ours->query("SELECT count(*) FROM sqlite_master", {}))) << "reading goes on";
  open.reset();
  EXPECT_TRUE(sync_wait(provider.open()->begin())) << "their rollback is done";
  EXPECT_TRUE(sync_wait(ours->execute("CREATE TABLE t (id TEXT)", {})));
}

TEST(SqliteDatabase, KeepsWorkingWhenStatementsOutnumberItsCache) {
  sqlite_provider provider;
  const auto db = provider.open({.file = provider.file("test.db"), .readers = 1});
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 300; ++i) {
      EXPECT_EQ(number(sync_wait(db->query("SELECT " + std::to_string(i), {}))), i);
    }
  }
}

TEST(SqliteDatabase, APreparedStatementSurvivesAChangeOfTheSchema) {
  sqlite_provider provider;
  const auto db = provider.open({.file = provider.file("test.db"), .readers = 1});
  ASSERT_TRUE(sync_wait(db->run_script("CREATE TABLE t (a BIGINT); INSERT INTO t VALUES (1);")));
  EXPECT_EQ(sync_wait(db->query("SELECT * FROM t", {}))->columns().size(), 1u);
  ASSERT_TRUE(sync_wait(db->run_script("ALTER TABLE t ADD COLUMN b BIGINT DEFAULT 2")));
  const auto found = sync_wait(db->query("SELECT * FROM t", {}));
  EXPECT_THAT(found->columns(), testing::ElementsAre("a", "b"));
  EXPECT_EQ(found->at(0, "b"), strata::sql_value(std::int64_t{2}));
  ASSERT_TRUE(sync_wait(sync_wait(db->begin()).value()->commit()));
}

TEST(SqliteDatabase, RunsTheStatementsThatSchemasAreChangedWith) {
  sqlite_provider provider;
  const auto db = provider.open();
  const auto changed = sync_wait(db->run_script(R"(
    CREATE TABLE a (id TEXT PRIMARY KEY, old TEXT, gone TEXT);
    CREATE TABLE log (id TEXT);
    CREATE TRIGGER logged AFTER INSERT ON a BEGIN INSERT INTO log VALUES (new.id); END;
    CREATE VIEW seen AS SELECT id FROM a;
    ALTER TABLE a RENAME COLUMN old TO renamed;
    ALTER TABLE a DROP COLUMN gone;
    CREATE UNIQUE INDEX by_name ON a (renamed) WHERE renamed IS NOT NULL;
    INSERT INTO a VALUES ('x', 'y');
    CREATE TABLE copy AS SELECT * FROM a;
    DROP INDEX by_name;
    ALTER TABLE log RENAME TO journal;
    ANALYZE;)"));
  ASSERT_TRUE(changed) << changed.error().detail;
  EXPECT_EQ(number(sync_wait(db->query("SELECT count(*) FROM journal, seen, copy", {}))), 1);
}

TEST(SqliteDatabase, RefusesTextWithANulByteAndParametersThatAreNotNumbered) {
  sqlite_provider provider;
  const auto db = provider.open();
  EXPECT_EQ(code_of(sync_wait(db->query("SELECT $1", {std::string("a\0b", 3)}))), "invalid_argument");
  for (const char* text : {"SELECT ?", "SELECT :a", "SELECT $a", "SELECT $0", "SELECT $01", "SELECT $1x"}) {
    EXPECT_EQ(code_of(sync_wait(db->query(text, {"a"}))), "statement") << text;
  }
}

TEST(SqliteDatabase, ItsFilesAreTheOwnersAlone) {
  sqlite_provider provider;
  const auto db = provider.open();
  ASSERT_TRUE(sync_wait(db->run_script("CREATE TABLE t (a BIGINT)")));
  for (const char* name : {"test.db", "test.db-wal", "test.db-shm"}) {
    struct stat found{};
    ASSERT_EQ(::stat(provider.file(name).c_str(), &found), 0) << name;
    EXPECT_EQ(found.st_mode & 0777, 0600u) << name;
  }
}

TEST(SqliteDatabase, OpeningNamesTheFileAndTheReason) {
  sqlite_provider provider;
  const auto missing = strata::open_sqlite({.file = provider.file("no/such/folder.db")});
  ASSERT_EQ(code_of(missing), "database_unavailable");
  EXPECT_THAT(missing.error().detail, testing::HasSubstr("no/such/folder.db"));

  std::ofstream(provider.file("text.db")) << std::string(8192, 'x');
  const auto text = strata::open_sqlite({.file = provider.file("text.db")});
  ASSERT_EQ(code_of(text), "database_unavailable");
  EXPECT_THAT(text.error().detail, testing::HasSubstr("not a database"));
}

TEST(SqliteDatabase, BadOptionsAreAllNamed) {
  try {
    (void)strata::open_sqlite(
        {.file = ":memory:", .readers = 0, .busy_timeout = -std::chrono::seconds(1), .queue_limit = 0});
    FAIL() << "accepted";
  } catch (const strata::bad_options& bad) {
    EXPECT_EQ(bad.problems().size(), 4u);
  }
}
