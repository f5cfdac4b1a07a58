// Migrations and repositories as several processes use them.

#include "tests/postgres/support.hpp"

#include <strata/migrations.hpp>
#include <strata/repository.hpp>

#include <boost/describe.hpp>

namespace strata::test {
namespace {

using testing::IsEmpty;

struct counter_row {
  std::string id;
  std::int64_t hits = 0;
  std::int64_t version = 0;
};
BOOST_DESCRIBE_STRUCT(counter_row, (), (id, hits, version))

constexpr migration steps[] = {
    {1, "counters",
     "CREATE TABLE counters (id TEXT PRIMARY KEY, hits BIGINT NOT NULL, version BIGINT NOT NULL);"},
    {2, "slow", "SELECT pg_sleep(1.2); INSERT INTO counters VALUES ('a', 0, 1);"},
};

wall_time noon() {
  return std::chrono::sys_days(std::chrono::year(2026) / 3 / 1) + std::chrono::hours(12);
}

class PostgresSchema : public PostgresTest {};

TEST_F(PostgresSchema, SeveralProcessesThatStartAtOnceApplyEveryMigrationOnce) {
  std::vector<std::shared_ptr<database>> gateways;
  for (int i = 0; i < 4; ++i) gateways.push_back(open({.statement_timeout = 1s}));
  std::atomic<int> applied = 0;
  std::atomic<int> failed = 0;
  std::vector<std::thread> threads;
  for (auto& each : gateways) {
    threads.emplace_back([&, db = each] {
      const auto done = sync_wait(migrate(*db, steps, noon));
      if (!done) {
        ADD_FAILURE() << done.error().detail;
        ++failed;
      } else {
        applied += static_cast<int>(done->newly_applied.size());
      }
    });
  }
  for (auto& each : threads) each.join();
  EXPECT_EQ(failed, 0);
  EXPECT_EQ(applied, 2);
  EXPECT_EQ(elsewhere("SELECT count(*) FROM counters"), "1\n");
  EXPECT_THAT(sync_wait(migrate(*gateways[0], steps, noon))->newly_applied, IsEmpty());
}

TEST_F(PostgresSchema, AMigrationThatFailsLeavesNothing) {
  const auto db = open();
  const migration wrong[] = {steps[0],
                             {2, "wrong", "CREATE TABLE more (id TEXT); INSERT INTO nowhere VALUES (1);"}};
  const auto done = sync_wait(migrate(*db, wrong, noon));
  ASSERT_EQ(code_of(done), "statement");
  EXPECT_THAT(done.error().detail, testing::HasSubstr("migration 2 (wrong) failed"));
  EXPECT_EQ(elsewhere("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"), "0\n");
}

// Writers of two processes increment one row. Every acknowledged update is present.
TEST_F(PostgresSchema, NoUpdateOfAHotRowIsLost) {
  ASSERT_TRUE(sync_wait(migrate(*open(), steps, noon)));
  struct gateway {
    explicit gateway(std::shared_ptr<database> on) : db(std::move(on)) {}
    std::shared_ptr<database> db;
    cache held;
    entity<counter_row, "counter:{id}"> keys{{}};
    repository<counter_row, "counter:{id}"> counters{*db, held, keys, "counters", noon};
  };
  gateway gateways[] = {gateway(open()), gateway(open())};
  std::atomic<int> failed = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 6; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 25; ++i) {
        const auto done =
            sync_wait(gateways[t % 2].counters.update("a", {}, [](counter_row& row) -> result<void> {
              ++row.hits;
              return {};
            }));
        if (!done) {
          ADD_FAILURE() << done.error().detail;
          ++failed;
        }
      }
    });
  }
  for (auto& each : threads) each.join();
  EXPECT_EQ(failed, 0);
  EXPECT_EQ(elsewhere("SELECT hits, version FROM counters"), "150|151\n");
}

}  // namespace
}  // namespace strata::test
