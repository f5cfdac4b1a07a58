#pragma once
/// What every database behind the port must do, as one suite run over each of them:
///
///   struct sqlite_provider {
///     std::shared_ptr<strata::database> open();   // the same empty database each time it is called
///   };
///   INSTANTIATE_TYPED_TEST_SUITE_P(Sqlite, DatabaseContract, sqlite_provider);
///
/// A provider is made anew for each test and removes what it made when it is destroyed.
/// Long because a typed suite is declared in one file.

#include "tests/contract/abandonable.hpp"

#include <strata/database.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <limits>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace strata::test {

/// The number in the first column of the first row.
inline std::int64_t number(const result<sql_rows>& rows) {
  if (!rows) throw std::runtime_error(rows.error().detail);
  return std::get<std::int64_t>(rows->row(0).at(0));
}

template <class T>
std::string code_of(const result<T>& outcome) {
  return outcome ? "ok" : std::string(name(outcome.error().code));
}

}  // namespace strata::test

template <class Provider>
class DatabaseContract : public testing::Test {
 protected:
  using rows = strata::result<strata::sql_rows>;

  void SetUp() override {
    opened_ = provider_.open();
    const auto made = strata::sync_wait(opened_->run_script(R"(
      CREATE TABLE kinds (id TEXT PRIMARY KEY, whole BIGINT, real_number DOUBLE PRECISION, words TEXT);
      CREATE TABLE accounts (
        id TEXT PRIMARY KEY,
        owner TEXT NOT NULL,
        email TEXT UNIQUE,
        balance BIGINT NOT NULL CHECK (balance >= -1000000),
        parent TEXT REFERENCES accounts (id)
      );)"));
    ASSERT_TRUE(made) << made.error().detail;
  }

  strata::database& db() { return *opened_; }
  std::shared_ptr<strata::database> another() { return provider_.open(); }
  void close() { opened_.reset(); }

  rows query(std::string_view text, strata::sql_parameters values = {}) {
    return strata::sync_wait(db().query(text, std::move(values)));
  }
  rows execute(std::string_view text, strata::sql_parameters values = {}) {
    return strata::sync_wait(db().execute(text, std::move(values)));
  }
  std::unique_ptr<strata::transaction> begin() {
    auto open = strata::sync_wait(db().begin());
    if (!open) throw std::runtime_error(open.error().detail);
    return std::move(*open);
  }
  rows add_account(std::string id) {
    return execute("INSERT INTO accounts (id, owner, balance) VALUES ($1, 'ann', 0)", {std::move(id)});
  }
  std::int64_t accounts() { return strata::test::number(query("SELECT count(*) FROM accounts")); }

 private:
  Provider provider_;
  std::shared_ptr<strata::database> opened_;
};

TYPED_TEST_SUITE_P(DatabaseContract);

TYPED_TEST_P(DatabaseContract, ReturnsEveryKindOfValueAsItWasGiven) {
  const std::vector<std::vector<strata::sql_value>> given = {
      {"null", std::monostate(), std::monostate(), std::monostate()},
      {"least", std::numeric_limits<std::int64_t>::min(), -0.5, "x"},
      {"most", std::numeric_limits<std::int64_t>::max(), std::numeric_limits<double>::max(), ""},
      {"small", std::int64_t{0}, std::numeric_limits<double>::denorm_min(), "grüße, 世界 \U0001F30D"},
      {"whole", std::int64_t{-1}, 3.0, "quote ' \" $1 ; -- \n\t"},
      {"tenth", std::int64_t{1}, 0.1, std::string(200'000, 'z')},
  };
  for (const auto& row : given) {
    const auto added =
        this->execute("INSERT INTO kinds (id, whole, real_number, words) VALUES ($1, $2, $3, $4)", row);
    ASSERT_TRUE(added) << added.error().detail;
    EXPECT_EQ(added->changed(), 1);
  }
  for (const auto& row : given) {
    const auto found = this->query("SELECT id, whole, real_number, words FROM kinds WHERE id = $1", {row[0]});
    ASSERT_TRUE(found) << found.error().detail;
    ASSERT_EQ(found->size(), 1u);
    EXPECT_EQ(found->row(0), row);
    EXPECT_EQ(found->at(0, "whole"), row[1]);
    EXPECT_THAT(found->columns(), testing::ElementsAre("id", "whole", "real_number", "words"));
  }
}

TYPED_TEST_P(DatabaseContract, BindsParametersOutOfOrderAndRepeated) {
  ASSERT_TRUE(this->add_account("a"));
  const auto updated = this->execute("UPDATE accounts SET owner = $2, email = $2, balance = $3 WHERE id = $1",
                                     {"a", "bob", std::int64_t{7}});
  ASSERT_TRUE(updated) << updated.error().detail;
  const auto found =
      this->query("SELECT balance FROM accounts WHERE email = $2 AND owner = $2 AND id = $1", {"a", "bob"});
  EXPECT_EQ(strata::test::number(found), 7);
}

TYPED_TEST_P(DatabaseContract, TellsHowManyRowsChanged) {
  for (const char* id : {"a", "b", "c"}) ASSERT_TRUE(this->add_account(id));
  EXPECT_EQ(this->execute("UPDATE accounts SET balance = 1 WHERE id <> $1", {"a"})->changed(), 2);
  EXPECT_EQ(this->execute("UPDATE accounts SET balance = 1 WHERE id = $1", {"nobody"})->changed(), 0);
  EXPECT_EQ(this->execute("CREATE INDEX by_owner ON accounts (owner)")->changed(), 0);
  EXPECT_EQ(this->execute("DELETE FROM accounts")->changed(), 3);
  EXPECT_EQ(this->query("SELECT id FROM accounts")->size(), 0u);
}

TYPED_TEST_P(DatabaseContract, ReturnsRowsFromAWritingStatement) {
  const auto added = this->execute(
      "INSERT INTO accounts (id, owner, balance) VALUES ($1, 'ann', 5) RETURNING id, balance", {"a"});
  ASSERT_TRUE(added) << added.error().detail;
  EXPECT_EQ(added->at(0, "id"), strata::sql_value("a"));
  EXPECT_EQ(added->at(0, "balance"), strata::sql_value(std::int64_t{5}));
}

TYPED_TEST_P(DatabaseContract, RefusesWhatAConstraintForbidsAndNamesNoValue) {
  ASSERT_TRUE(
      this->execute("INSERT INTO accounts (id, owner, email, balance) VALUES ('a', 'ann', 'secret-1', 0)"));
  const std::pair<const char*, strata::sql_parameters> forbidden[] = {
      {"INSERT INTO accounts (id, owner, balance) VALUES ($1, 'bob', 0)", {"a"}},
      {"INSERT INTO accounts (id, owner, email, balance) VALUES ('b', 'bob', $1, 0)", {"secret-1"}},
      {"INSERT INTO accounts (id, owner, balance) VALUES ('c', $1, 0)", {std::monostate()}},
      {"INSERT INTO accounts (id, owner, balance) VALUES ('d', 'bob', $1)", {std::int64_t{-1000001}}},
      {"INSERT INTO accounts (id, owner, balance, parent) VALUES ('e', 'bob', 0, $1)", {"secret-2"}},
  };
  for (const auto& [text, values] : forbidden) {
    const auto refused = this->execute(text, values);
    EXPECT_EQ(strata::test::code_of(refused), "constraint") << text;
    if (!refused) {
      EXPECT_THAT(refused.error().detail, testing::Not(testing::HasSubstr("secret")));
    }
  }
  EXPECT_EQ(this->accounts(), 1);
}

TYPED_TEST_P(DatabaseContract, RefusesStatementsThatAreWrong) {
  const std::pair<const char*, strata::sql_parameters> wrong[] = {
      {"SELEC 1", {}},
      {"SELECT nothing FROM accounts", {}},
      {"SELECT id FROM nowhere", {}},
      {"SELECT \"nothing\" FROM accounts", {}},
      {"", {}},
      {"SELECT id FROM accounts WHERE id = $1", {}},
      {"SELECT id FROM accounts WHERE id = $1", {"a", "b"}},
      {"SELECT id FROM accounts; SELECT id FROM accounts", {}},
  };
  for (const auto& [text, values] : wrong) {
    EXPECT_EQ(strata::test::code_of(this->query(text, values)), "statement") << text;
    EXPECT_EQ(strata::test::code_of(this->execute(text, values)), "statement") << text;
  }
  EXPECT_TRUE(this->add_account("a")) << "the connections live on";
}

TYPED_TEST_P(DatabaseContract, RefusesWhatItCouldNotReturnAsItWasGiven) {
  const strata::sql_value wrong[] = {std::numeric_limits<double>::quiet_NaN(), std::string("not UTF-8: \xff"),
                                     std::string("a NUL\0 byte", 11)};
  for (const auto& each : wrong) {
    const auto text = each.index() == 3;
    const auto* statement = text ? "INSERT INTO kinds (id, words) VALUES ($1, $2)"
                                 : "INSERT INTO kinds (id, real_number) VALUES ($1, $2)";
    EXPECT_EQ(strata::test::code_of(this->execute(statement, {"a", each})), "invalid_argument");
    const auto* read =
        text ? "SELECT id FROM kinds WHERE words = $1" : "SELECT id FROM kinds WHERE real_number = $1";
    EXPECT_EQ(strata::test::code_of(this->query(read, {each})), "invalid_argument");
  }
  EXPECT_EQ(this->query("SELECT id FROM kinds", {})->size(), 0u);
}

TYPED_TEST_P(DatabaseContract, QueryRefusesToWrite) {
  ASSERT_TRUE(this->add_account("a"));
  for (const char* text : {"INSERT INTO accounts (id, owner, balance) VALUES ('b', 'bob', 0)",
                           "DELETE FROM accounts", "UPDATE accounts SET balance = 9 RETURNING id",
                           "DROP TABLE accounts", "CREATE TABLE more (id TEXT)"}) {
    EXPECT_EQ(strata::test::code_of(this->query(text)), "statement") << text;
  }
  EXPECT_EQ(strata::test::number(this->query("SELECT balance FROM accounts")), 0);
}

TYPED_TEST_P(DatabaseContract, StatementsCannotEndOrOpenTransactions) {
  for (const char* text : {"BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT a"}) {
    EXPECT_EQ(strata::test::code_of(this->query(text)), "statement") << text;
    EXPECT_EQ(strata::test::code_of(this->execute(text)), "statement") << text;
    auto open = this->begin();
    ASSERT_TRUE(strata::sync_wait(
        open->execute("INSERT INTO accounts (id, owner, balance) VALUES ('a', 'ann', 0)", {})));
    EXPECT_EQ(strata::test::code_of(strata::sync_wait(open->execute(text, {}))), "statement") << text;
    open.reset();
    EXPECT_EQ(this->accounts(), 0) << text;
  }
}

TYPED_TEST_P(DatabaseContract, ReadersSeeNothingUncommittedAndTheCommitAtOnce) {
  auto open = this->begin();
  ASSERT_TRUE(strata::sync_wait(
      open->execute("INSERT INTO accounts (id, owner, balance) VALUES ($1, 'ann', 0)", {"a"})));
  EXPECT_EQ(this->accounts(), 0);
  EXPECT_EQ(strata::test::number(strata::sync_wait(open->execute("SELECT count(*) FROM accounts", {}))), 1);
  ASSERT_TRUE(strata::sync_wait(open->commit()));
  for (int reader = 0; reader < 8; ++reader) EXPECT_EQ(this->accounts(), 1);
}

TYPED_TEST_P(DatabaseContract, ACommitReadsBackWhatIsCommitted) {
  auto open = this->begin();
  ASSERT_TRUE(strata::sync_wait(
      open->execute("INSERT INTO accounts (id, owner, balance) VALUES ('a', 'ann', 7)", {})));
  std::vector<strata::sql_query> reads{{"SELECT count(*) FROM accounts", {}},
                                       {"SELECT balance FROM accounts WHERE id = $1", {"a"}},
                                       {"SELECT balance FROM accounts WHERE id = $1", {"nobody"}}};
  const auto read = strata::sync_wait(open->commit_and_read(std::move(reads)));
  ASSERT_TRUE(read) << read.error().detail;
  ASSERT_EQ(read->size(), 3u);
  EXPECT_EQ(strata::test::number((*read)[0]), 1);
  EXPECT_EQ(strata::test::number((*read)[1]), 7);
  EXPECT_TRUE((*read)[2]->empty());
  EXPECT_EQ(this->accounts(), 1);
  EXPECT_EQ(strata::test::code_of(strata::sync_wait(open->commit_and_read({}))), "statement")
      << "it has ended";
  EXPECT_TRUE(this->add_account("b")) << "the writer is free although the object lives";
  auto empty = this->begin();
  std::vector<strata::sql_query> count{{"SELECT count(*) FROM accounts", {}}};
  EXPECT_EQ(strata::test::number(strata::sync_wait(empty->commit_and_read(std::move(count))).value().at(0)),
            2);
}

TYPED_TEST_P(DatabaseContract, ACommitStandsThoughWhatIsBehindItCannotBeRead) {
  for (const char* wrong :
       {"SELECT nothing FROM accounts", "DELETE FROM accounts RETURNING id", "SELECT $1", "COMMIT", ""}) {
    auto open = this->begin();
    ASSERT_TRUE(strata::sync_wait(open->execute(
        "INSERT INTO accounts (id, owner, balance) VALUES ($1, 'ann', 7)", {std::string(wrong)})));
    std::vector<strata::sql_query> reads{{"SELECT count(*) FROM accounts", {}}, {wrong, {}}};
    const auto before = this->accounts();
    const auto read = strata::sync_wait(open->commit_and_read(std::move(reads)));
    ASSERT_TRUE(read) << wrong << read.error().detail;
    EXPECT_EQ(strata::test::number(read->at(0)), before + 1);
    EXPECT_EQ(strata::test::code_of(read->at(1)), "statement") << wrong;
    EXPECT_EQ(this->accounts(), before + 1) << wrong;
  }
}

TYPED_TEST_P(DatabaseContract, ATransactionThatHasFailedReadsNothingBack) {
  auto open = this->begin();
  const char* insert = "INSERT INTO accounts (id, owner, balance) VALUES ($1, 'ann', 0)";
  ASSERT_TRUE(strata::sync_wait(open->execute(insert, {"a"})));
  EXPECT_EQ(strata::test::code_of(strata::sync_wait(open->execute(insert, {"a"}))), "constraint");
  std::vector<strata::sql_query> reads{{"SELECT count(*) FROM accounts", {}}};
  EXPECT_EQ(strata::test::code_of(strata::sync_wait(open->commit_and_read(std::move(reads)))), "statement");
  EXPECT_EQ(this->accounts(), 0);
  EXPECT_TRUE(this->add_account("b"));
}

TYPED_TEST_P(DatabaseContract, ATransactionDestroyedOrRolledBackLeavesNothing) {
  {
    auto dropped = this->begin();
    ASSERT_TRUE(strata::sync_wait(
        dropped->execute("INSERT INTO accounts (id, owner, balance) VALUES ('a', 'ann', 0)", {})));
  }
  auto next = this->begin();  // comes behind the rollback
  EXPECT_EQ(strata::test::number(strata::sync_wait(next->execute("SELECT count(*) FROM accounts", {}))), 0);
  ASSERT_TRUE(strata::sync_wait(
      next->execute("INSERT INTO accounts (id, owner, balance) VALUES ('b', 'ann', 0)", {})));
  ASSERT_TRUE(strata::sync_wait(next->rollback()));
  EXPECT_EQ(this->accounts(), 0);
  EXPECT_EQ(strata::test::code_of(strata::sync_wait(next->commit())), "statement") << "it has ended";
  EXPECT_TRUE(this->add_account("c")) << "the writer is free although the object lives";
}

TYPED_TEST_P(DatabaseContract, AfterAnErrorATransactionCanOnlyRollBack) {
  auto open = this->begin();
  const char* insert = "INSERT INTO accounts (id, owner, balance) VALUES ($1, 'ann', 0)";
  ASSERT_TRUE(strata::sync_wait(open->execute(insert, {"a"})));
  EXPECT_EQ(strata::test::code_of(strata::sync_wait(open->execute(insert, {"a"}))), "constraint");
  EXPECT_EQ(strata::test::code_of(strata::sync_wait(open->execute(insert, {"b"}))), "statement");
  EXPECT_FALSE(strata::sync_wait(open->commit()));
  EXPECT_EQ(this->accounts(), 0);
  EXPECT_TRUE(this->add_account("c"));
}

TYPED_TEST_P(DatabaseContract, AScriptIsAllOrNothing) {
  const auto broken = strata::sync_wait(this->db().run_script(
      "CREATE TABLE first (id TEXT); INSERT INTO accounts (id, owner, balance) VALUES ('a', 'x', 0);"
      "INSERT INTO nowhere VALUES (1); CREATE TABLE last (id TEXT);"));
  EXPECT_EQ(strata::test::code_of(broken), "statement");
  EXPECT_EQ(this->accounts(), 0);
  EXPECT_EQ(strata::test::code_of(this->query("SELECT id FROM first")), "statement");

  const auto good = strata::sync_wait(
      this->db().run_script("-- a comment; with a semicolon\nCREATE TABLE first (id TEXT DEFAULT ';');\n\n"
                            "INSERT INTO accounts (id, owner, balance) VALUES ('a;', 'x', 0); -- the end"));
  ASSERT_TRUE(good) << good.error().detail;
  EXPECT_EQ(this->accounts(), 1);
  EXPECT_TRUE(strata::sync_wait(this->db().run_script("  \n -- nothing\n")));
}

TYPED_TEST_P(DatabaseContract, AScriptInATransactionEndsWithIt) {
  auto open = this->begin();
  ASSERT_TRUE(
      strata::sync_wait(open->run_script("CREATE TABLE first (id TEXT); CREATE TABLE second (id TEXT);")));
  EXPECT_EQ(strata::test::code_of(strata::sync_wait(open->run_script("COMMIT;"))), "statement");
  open.reset();
  EXPECT_EQ(strata::test::code_of(this->query("SELECT id FROM first")), "statement");
}

TYPED_TEST_P(DatabaseContract, ATaskGoesOnOnItsExecutor) {
  const auto here = std::this_thread::get_id();
  std::vector<std::thread::id> seen;
  const auto work = [](strata::database& db, std::vector<std::thread::id>& threads) -> strata::task<> {
    (void)co_await db.query("SELECT 1", {});
    threads.push_back(std::this_thread::get_id());
    auto open = co_await db.begin();
    threads.push_back(std::this_thread::get_id());
    (void)co_await (*open)->execute("INSERT INTO kinds (id) VALUES ('a')", {});
    threads.push_back(std::this_thread::get_id());
    (void)co_await (*open)->commit();
    threads.push_back(std::this_thread::get_id());
  };
  strata::sync_wait(work(this->db(), seen));
  EXPECT_THAT(seen, testing::AllOf(testing::SizeIs(4), testing::Each(here)));
}

TYPED_TEST_P(DatabaseContract, AnAbandonedTransactionFreesTheWriter) {
  const auto write = [](strata::database& db, bool& wrote) -> strata::test::abandonable {
    auto open = co_await db.begin();
    (void)co_await (*open)->execute("INSERT INTO accounts (id, owner, balance) VALUES ('a', 'x', 0)", {});
    wrote = true;
    co_await std::suspend_always();
  };
  strata::run_loop loop;
  bool wrote = false;
  auto abandoned = write(this->db(), wrote);
  abandoned.start(loop);
  loop.run_until([&] { return wrote; });
  abandoned.destroy();
  EXPECT_TRUE(this->add_account("b"));
  EXPECT_EQ(this->accounts(), 1);
}

TYPED_TEST_P(DatabaseContract, TasksAbandonedWhileTheyWaitTakeNothingWithThem) {
  const auto write = [](strata::database& db) -> strata::test::abandonable {
    auto open = co_await db.begin();
    (void)co_await (*open)->execute("INSERT INTO kinds (id) VALUES ('a')", {});
    (void)co_await (*open)->commit();
    ADD_FAILURE() << "an abandoned task went on";
  };
  for (int round = 0; round < 50; ++round) {
    strata::run_loop loop;
    std::vector<strata::test::abandonable> tasks;
    for (int i = 0; i < 4; ++i) {
      tasks.push_back(write(this->db()));
      tasks.back().start(loop);
    }
    std::swap(tasks[1], tasks[2]);
    for (auto& each : tasks) each.destroy();
    loop.run_ready();
    ASSERT_TRUE(this->add_account("r" + std::to_string(round)));
    loop.run_ready();
  }
  EXPECT_EQ(this->accounts(), 50);
}

TYPED_TEST_P(DatabaseContract, AThousandConcurrentTasksFinish) {
  const auto work = [](strata::database& db, std::int64_t n) -> strata::task<bool> {
    auto open = co_await db.begin();
    if (!open) co_return false;
    strata::sql_parameters values{"acc" + std::to_string(n), n};
    auto added = co_await (*open)->execute("INSERT INTO accounts (id, owner, balance) VALUES ($1, 'x', $2)",
                                           std::move(values));
    if (!added || !co_await (*open)->commit()) co_return false;
    strata::sql_parameters id{"acc" + std::to_string(n)};
    auto found = co_await db.query("SELECT balance FROM accounts WHERE id = $1", std::move(id));
    co_return strata::test::number(found) == n;
  };
  strata::run_loop loop;
  int finished = 0;
  int good = 0;
  for (int i = 0; i < 1000; ++i) {
    strata::start(&loop, work(this->db(), i), [&](strata::completion<bool> outcome) {
      ++finished;
      good += outcome.value_or(false) ? 1 : 0;
    });
  }
  loop.run_until([&] { return finished == 1000; });
  EXPECT_EQ(good, 1000);
  EXPECT_EQ(this->accounts(), 1000);
}

// Threads move money between two accounts, some change their minds; the sum never changes.
TYPED_TEST_P(DatabaseContract, RacingTransactionsKeepEveryInvariant) {
  ASSERT_TRUE(this->add_account("a"));
  ASSERT_TRUE(this->add_account("b"));
  const auto move_in = [](strata::transaction& open, std::int64_t amount,
                          bool keep) -> strata::task<strata::result<void>> {
    strata::result<strata::sql_rows> done;
    std::int64_t balances[2] = {};
    for (int i = 0; i < 2; ++i) {
      strata::sql_parameters id{i == 0 ? "a" : "b"};
      done = co_await open.execute("SELECT balance FROM accounts WHERE id = $1", std::move(id));
      if (!done) co_return std::unexpected(done.error());
      balances[i] = strata::test::number(done);
    }
    for (int i = 0; i < 2; ++i) {
      strata::sql_parameters values{balances[i] + (i == 0 ? -amount : amount), i == 0 ? "a" : "b"};
      done = co_await open.execute("UPDATE accounts SET balance = $1 WHERE id = $2", std::move(values));
      if (!done) co_return std::unexpected(done.error());
    }
    if (!keep) co_return strata::result<void>();
    co_return co_await open.commit();
  };
  const auto move = [&](strata::database& db, std::int64_t amount, bool keep) -> strata::task<bool> {
    auto open = co_await db.begin();
    for (int tries = 0; open && tries < 50; ++tries) {
      auto moved = co_await move_in(**open, amount, keep);
      if (moved) co_return true;
      if (moved.error().code != strata::errc::contention) co_return false;
      open->reset();
      open = co_await db.begin_again();
    }
    co_return false;
  };
  std::atomic<int> failures = 0;
  std::vector<std::thread> threads;
  for (int writer = 0; writer < 3; ++writer) {
    threads.emplace_back([&] {
      for (int i = 0; i < 40; ++i) {
        if (!strata::sync_wait(move(this->db(), 1, i % 4 != 0))) ++failures;
      }
    });
  }
  threads.emplace_back([&] {
    for (int i = 0; i < 200; ++i) {
      if (strata::test::number(this->query("SELECT sum(balance) FROM accounts")) != 0) ++failures;
    }
  });
  for (auto& each : threads) each.join();
  EXPECT_EQ(failures, 0);
  EXPECT_EQ(strata::test::number(this->query("SELECT balance FROM accounts WHERE id = 'b'")), 3 * 30);
}

TYPED_TEST_P(DatabaseContract, AnswersPingAndKeepsItsRowsWhenOpenedAgain) {
  EXPECT_TRUE(strata::sync_wait(this->db().ping()));
  ASSERT_TRUE(this->add_account("a"));
  this->close();
  const auto again = this->another();
  EXPECT_EQ(strata::test::number(strata::sync_wait(again->query("SELECT count(*) FROM accounts", {}))), 1);
}

REGISTER_TYPED_TEST_SUITE_P(
    DatabaseContract, ReturnsEveryKindOfValueAsItWasGiven, BindsParametersOutOfOrderAndRepeated,
    TellsHowManyRowsChanged, ReturnsRowsFromAWritingStatement, RefusesWhatAConstraintForbidsAndNamesNoValue,
    RefusesStatementsThatAreWrong, RefusesWhatItCouldNotReturnAsItWasGiven, QueryRefusesToWrite,
    StatementsCannotEndOrOpenTransactions, ReadersSeeNothingUncommittedAndTheCommitAtOnce,
    ACommitReadsBackWhatIsCommitted, ACommitStandsThoughWhatIsBehindItCannotBeRead,
    ATransactionThatHasFailedReadsNothingBack, ATransactionDestroyedOrRolledBackLeavesNothing,
    AfterAnErrorATransactionCanOnlyRollBack, AScriptIsAllOrNothing, AScriptInATransactionEndsWithIt,
    ATaskGoesOnOnItsExecutor, AnAbandonedTransactionFreesTheWriter,
    TasksAbandonedWhileTheyWaitTakeNothingWithThem, AThousandConcurrentTasksFinish,
    RacingTransactionsKeepEveryInvariant, AnswersPingAndKeepsItsRowsWhenOpenedAgain);
