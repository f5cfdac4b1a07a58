#include "gateway/database_watch.hpp"

#include <strata/task.hpp>
#include <strata/testing.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace strata::gateway {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

/// Answers every call with `failure`, or as a database that stores one row.
class scripted_database final : public database {
 public:
  std::optional<error> failure;
  std::string kind = "sqlite";
  std::vector<std::string> executed;

  task<result<sql_rows>> query(std::string_view, sql_parameters) override { return rows(0); }
  task<result<sql_rows>> execute(std::string_view statement, sql_parameters) override {
    executed.emplace_back(statement.substr(0, statement.find(' ')));
    return rows(statement.starts_with("DO") ? 0 : 1);
  }
  task<result<std::unique_ptr<transaction>>> begin() override {
    return result<std::unique_ptr<transaction>>(std::make_unique<scripted_transaction>(*this));
  }
  task<result<void>> run_script(std::string_view) override {
    executed.emplace_back("script");
    return nothing();
  }
  task<result<std::uint64_t>> foreign_changes() override { return result<std::uint64_t>(1); }
  task<result<void>> ping() override { return nothing(); }
  std::string_view dialect() const noexcept override { return kind; }

 private:
  class scripted_transaction final : public transaction {
   public:
    explicit scripted_transaction(scripted_database& of) : of_(&of) {}
    task<result<sql_rows>> execute(std::string_view statement, sql_parameters) override {
      return of_->rows(statement.starts_with("UPDATE") ? 1 : 0);
    }
    task<result<void>> run_script(std::string_view) override { return of_->nothing(); }
    task<result<void>> commit() override { return of_->nothing(); }
    task<result<std::vector<result<sql_rows>>>> commit_and_read(std::vector<sql_query>) override {
      if (of_->failure) return result<std::vector<result<sql_rows>>>(std::unexpected(*of_->failure));
      return result<std::vector<result<sql_rows>>>();
    }
    task<result<void>> rollback() override { return result<void>(); }

   private:
    scripted_database* of_;
  };

  result<sql_rows> rows(std::int64_t changed) const {
    if (failure) return std::unexpected(*failure);
    return sql_rows({}, {}, changed);
  }
  result<void> nothing() const {
    if (failure) return std::unexpected(*failure);
    return {};
  }
};

class DatabaseWatch : public ::testing::Test {
 protected:
  result<sql_rows> write() { return sync_wait(watched.execute("UPDATE", {})); }
  std::vector<std::string> lines() { return std::exchange(lines_, {}); }

  strata::testing::manual_clock time;
  std::shared_ptr<scripted_database> real = std::make_shared<scripted_database>();
  const error full{errc::database_unavailable, "database or disk is full"};

 private:
  std::vector<std::string> lines_;

 protected:
  database_watch watched{
      real,
      [this](log_level level, std::string_view line) {
        lines_.push_back((level == log_level::error ? "error: " : "info: ") + std::string(line));
      },
      time};
};

TEST_F(DatabaseWatch, SaysOnceWhyWritesFailAndOnceThatTheySucceedAgain) {
  EXPECT_TRUE(write());
  EXPECT_THAT(lines(), IsEmpty());
  real->failure = full;
  EXPECT_FALSE(write());
  EXPECT_FALSE(write());
  EXPECT_THAT(lines(), ElementsAre("error: the database takes no writes: database or disk is full"));
  real->failure.reset();
  EXPECT_TRUE(sync_wait(watched.query("SELECT", {})));
  EXPECT_THAT(lines(), IsEmpty()) << "a read proves nothing";
  EXPECT_TRUE(write());
  EXPECT_THAT(lines(), ElementsAre("info: the database takes writes again, after 2 failed calls"));
}

TEST_F(DatabaseWatch, RemindsOnceAMinuteAndLogsAnotherReasonAfterASecond) {
  const error ended{errc::database_unavailable, "terminating connection"};
  const auto fail_with = [&](const error& why) {
    real->failure = why;
    EXPECT_FALSE(write());
    return lines();
  };
  EXPECT_THAT(fail_with(ended), ElementsAre("error: the database takes no writes: terminating connection"));
  EXPECT_THAT(fail_with(full), IsEmpty()) << "the reasons may alternate";
  time.advance(1s);
  EXPECT_THAT(fail_with(full), ElementsAre("error: the database takes no writes: database or disk is full "
                                           "(3 calls have failed)"));
  time.advance(59s);
  EXPECT_THAT(fail_with(full), IsEmpty());
  time.advance(1s);
  EXPECT_EQ(fail_with(full).size(), 1u);
}

TEST_F(DatabaseWatch, ATransactionProvesWhatItHasStored) {
  const auto run = [&](std::string_view statement) {
    auto open = sync_wait(watched.begin()).value();
    (void)sync_wait(open->execute(statement, {}));
    return sync_wait(open->commit_and_read({})).has_value();
  };
  real->failure = full;
  EXPECT_FALSE(run("UPDATE"));
  EXPECT_EQ(lines().size(), 1u);
  real->failure.reset();
  EXPECT_TRUE(run("SELECT"));
  EXPECT_THAT(lines(), IsEmpty());
  EXPECT_TRUE(run("UPDATE"));
  EXPECT_EQ(lines().size(), 1u);
}

TEST_F(DatabaseWatch, OtherErrorsAreTheirCallersAffair) {
  for (const auto code : {errc::constraint, errc::contention, errc::statement, errc::timeout, errc::busy}) {
    real->failure = error{code, "no"};
    EXPECT_FALSE(write());
  }
  EXPECT_THAT(lines(), IsEmpty());
  real->failure.reset();
  EXPECT_TRUE(sync_wait(watched.can_write()));
}

TEST_F(DatabaseWatch, AFailedWriteIsTriedAgainBeforeWritesCountAsPossible) {
  real->failure = full;
  EXPECT_FALSE(write());
  real->executed.clear();
  const auto found = sync_wait(watched.can_write());
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().detail, "database or disk is full");
  real->failure.reset();
  EXPECT_TRUE(sync_wait(watched.can_write()));
  EXPECT_TRUE(sync_wait(watched.can_write()));
  EXPECT_THAT(real->executed, ElementsAre("script", "script")) << "none while writes succeed";
}

TEST_F(DatabaseWatch, PostgresIsAskedWhetherItIsReadOnly) {
  real->kind = "postgres";
  EXPECT_TRUE(sync_wait(watched.can_write()));
  real->failure = error{errc::database_unavailable, "PostgreSQL takes no writes: the session is read-only"};
  EXPECT_FALSE(sync_wait(watched.can_write()));
  EXPECT_THAT(real->executed, ElementsAre("DO", "DO"));
  EXPECT_EQ(lines().size(), 1u);
}

TEST_F(DatabaseWatch, SaysWhyReadsFail) {
  real->failure = error{errc::database_unavailable, "no route"};
  EXPECT_FALSE(sync_wait(watched.ping()));
  EXPECT_FALSE(sync_wait(watched.query("SELECT", {})));
  EXPECT_THAT(lines(), ElementsAre("error: the database cannot be read: no route"));
  real->failure.reset();
  EXPECT_TRUE(sync_wait(watched.query("SELECT", {})));
  EXPECT_THAT(lines(), ElementsAre("info: the database can be read again, after 2 failed calls"));
}

}  // namespace
}  // namespace strata::gateway
