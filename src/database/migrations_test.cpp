#include "tests/contract/temporary_folder.hpp"

#include <strata/migrations.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

namespace {

using strata::migration;
using strata::sync_wait;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr migration first{1, "things", "CREATE TABLE things (id TEXT PRIMARY KEY);"};
constexpr migration second{2, "more_things",
                           "ALTER TABLE things ADD COLUMN n BIGINT; INSERT INTO things VALUES ('a', 1);"};
constexpr migration fifth{5, "names", "CREATE TABLE names (id TEXT);"};

strata::wall_time noon() {
  return std::chrono::sys_days(std::chrono::year(2026) / 3 / 1) + std::chrono::hours(12);
}

class Migrations : public testing::Test {
 protected:
  std::shared_ptr<strata::database> open() {
    auto opened = strata::open_sqlite({.file = folder_.file("test.db")});
    if (!opened) throw std::runtime_error(opened.error().detail);
    return *opened;
  }
  strata::result<strata::migrated> migrate(std::vector<migration> steps) {
    return sync_wait(strata::migrate(*db_, steps, noon));
  }
  strata::result<strata::sql_rows> query(std::string_view text) { return sync_wait(db_->query(text, {})); }
  void refuses(std::vector<migration> steps, std::string_view reason) {
    const auto before = query("SELECT version, name, checksum FROM schema_migrations");
    const auto outcome = migrate(std::move(steps));
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, strata::errc::conflict);
    EXPECT_THAT(outcome.error().detail, HasSubstr(reason));
    EXPECT_EQ(query("SELECT version, name, checksum FROM schema_migrations")->size(), before->size());
  }

  strata::test::temporary_folder folder_;
  std::shared_ptr<strata::database> db_ = open();
};

TEST_F(Migrations, AppliesInOrderWhatIsMissingAndRemembersIt) {
  const auto one = migrate({first});
  ASSERT_TRUE(one) << one.error().detail;
  EXPECT_EQ(one->version, 1);
  EXPECT_THAT(one->newly_applied, ElementsAre(1));

  const auto all = migrate({first, second, fifth});
  ASSERT_TRUE(all) << all.error().detail;
  EXPECT_EQ(all->version, 5);
  EXPECT_THAT(all->newly_applied, ElementsAre(2, 5));

  const auto again = migrate({first, second, fifth});
  EXPECT_EQ(again->version, 5);
  EXPECT_THAT(again->newly_applied, ElementsAre());
  EXPECT_EQ(query("SELECT id FROM things")->size(), 1u) << "applied once";

  const auto rows = query("SELECT * FROM schema_migrations ORDER BY version");
  ASSERT_EQ(rows->size(), 3u);
  EXPECT_EQ(rows->at(2, "version"), strata::sql_value(std::int64_t{5}));
  EXPECT_EQ(rows->at(2, "name"), strata::sql_value("names"));
  EXPECT_EQ(rows->at(2, "checksum"), strata::sql_value(strata::checksum_of(fifth.script)));
  EXPECT_EQ(rows->at(2, "applied_at"), strata::sql_value("2026-03-01T12:00:00.000Z"));
}

TEST_F(Migrations, NothingToMigrateIsVersionZero) {
  EXPECT_EQ(migrate({})->version, 0);
}

TEST_F(Migrations, AFailingMigrationLeavesNothingAndIsNamed) {
  const auto outcome =
      migrate({first, {2, "broken", "CREATE TABLE half (id TEXT); INSERT INTO nowhere VALUES (1);"}});
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, strata::errc::statement);
  EXPECT_THAT(outcome.error().detail, HasSubstr("migration 2 (broken)"));
  EXPECT_FALSE(query("SELECT id FROM things"));
  EXPECT_FALSE(query("SELECT version FROM schema_migrations"));
  EXPECT_TRUE(migrate({first})) << "and can be repaired";
}

TEST_F(Migrations, RefusesAMigrationThatWasChangedAfterItWasApplied) {
  ASSERT_TRUE(migrate({first, second}));
  refuses({first, {2, "more_things", "ALTER TABLE things ADD COLUMN n TEXT;"}, fifth},
          "migration 2 (more_things) was changed");
  refuses({first, {2, "renamed", second.script}}, "was changed");
  EXPECT_FALSE(query("SELECT id FROM names"));
}

TEST_F(Migrations, RefusesADatabaseThatIsNewerThanTheProgram) {
  ASSERT_TRUE(migrate({first, fifth}));
  refuses({first},
          "the database is newer than this program: it has migration 5 (names), the program knows up to 1");
  refuses({}, "newer");
}

TEST_F(Migrations, RefusesAMigrationPutBetweenAppliedOnes) {
  ASSERT_TRUE(migrate({first, fifth}));
  refuses({first, second, fifth}, "migration 2 (more_things) was added before 5");
}

TEST_F(Migrations, RefusesADatabaseWithAMigrationThatIsNotOurs) {
  ASSERT_TRUE(migrate({first, second, fifth}));
  refuses({first, fifth}, "the database has migration 2 (more_things), which this program does not know");
}

TEST_F(Migrations, BadStepsAreAllNamed) {
  try {
    (void)migrate({{0, "", ""}, {2, "a", "SELECT 1"}, {2, "b", "SELECT 1"}});
    FAIL() << "accepted";
  } catch (const strata::bad_options& bad) {
    EXPECT_EQ(bad.problems().size(), 4u);
  }
}

TEST_F(Migrations, TwoProcessesThatStartAtOnceApplyEachOnce) {
  const std::vector<migration> steps{first, second, fifth};
  std::vector<strata::result<strata::migrated>> outcomes(4, strata::fail(strata::errc::busy, "not run"));
  std::vector<std::thread> processes;
  for (auto& outcome : outcomes) {
    processes.emplace_back([&] {
      const auto own = open();  // connections of its own, as another process has
      outcome = sync_wait(strata::migrate(*own, steps, noon));
    });
  }
  for (auto& each : processes) each.join();
  std::size_t applied = 0;
  for (const auto& each : outcomes) {
    ASSERT_TRUE(each) << each.error().detail;
    EXPECT_EQ(each->version, 5);
    applied += each->newly_applied.size();
  }
  EXPECT_EQ(applied, 3u);
}

}  // namespace
