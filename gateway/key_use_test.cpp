#include "gateway/key_use.hpp"

#include "gateway/gateway.hpp"
#include "tests/contract/temporary_folder.hpp"

#include <strata/database.hpp>
#include <strata/task.hpp>

#include <gtest/gtest.h>

namespace strata::gateway {
namespace {

TEST(KeyUse, CountsTheSessionsOfADatabase) {
  const test::temporary_folder folder;
  auto values = default_config();
  values.database = "sqlite:" + folder.file("strata.db");
  EXPECT_EQ(count_key_use(values)->of(1), 0u) << "a database without sessions";
  auto database = open_database(values).value();
  ASSERT_TRUE(sync_wait(database->run_script(
      "CREATE TABLE sessions (id TEXT PRIMARY KEY, details TEXT NOT NULL);"
      "INSERT INTO sessions VALUES ('a', '1.7.abc'), ('b', '1.7.xyz'), ('c', '1.70.abc'), ('d', '{}');")));
  const auto use = count_key_use(values).value();
  EXPECT_EQ(use.of(7), 2u);
  EXPECT_EQ(use.of(70), 1u);
  EXPECT_EQ(use.sessions.at(0), 1u);
  EXPECT_EQ(use.of(9), 0u);
}

TEST(KeyUse, DoesNotGuessWhenTheStoreIsAway) {
  const test::temporary_folder folder;
  auto values = default_config();
  values.database = "sqlite:" + folder.file("strata.db");
  values.store = "redis://127.0.0.1:1";
  const auto use = count_key_use(values, duration::zero());
  ASSERT_FALSE(use);
  EXPECT_TRUE(use.error().detail.starts_with("store: ")) << use.error().detail;
}

}  // namespace
}  // namespace strata::gateway
