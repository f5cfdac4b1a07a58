#include "database/postgres/sqlstate.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace strata::detail {
namespace {

TEST(Sqlstate, MeansWhatACallerCanDoAboutIt) {
  const std::pair<const char*, errc> known[] = {
      {"23505", errc::constraint},
      {"23503", errc::constraint},
      {"40001", errc::contention},
      {"40P01", errc::contention},
      {"57014", errc::timeout},
      {"55P03", errc::timeout},
      {"53300", errc::busy},
      {"57P01", errc::database_unavailable},
      {"08006", errc::database_unavailable},
      {"28P01", errc::database_unavailable},
      {"3D000", errc::database_unavailable},
      {"53100", errc::database_unavailable},
      {"22P02", errc::invalid_argument},
      {"22021", errc::invalid_argument},
      {"22012", errc::statement},
      {"54000", errc::too_large},
      {"42601", errc::statement},
      {"42P01", errc::statement},
      {"25006", errc::statement},
      {"08P01", errc::statement},
      {"P0001", errc::statement},
      {"XX001", errc::database_unavailable},
  };
  for (const auto& [state, expected] : known) EXPECT_EQ(kind_of(state), expected) << state;
}

TEST(Sqlstate, TellsWhichErrorsEndTheConnection) {
  for (const char* state : {"57P01", "57P02", "57P03", "08006", "25P03"})
    EXPECT_TRUE(ends_connection(state)) << state;
  for (const char* state : {"57014", "08P01", "23505", "25006", "40001"})
    EXPECT_FALSE(ends_connection(state)) << state;
}

TEST(Sqlstate, APlanIsStaleOnlyWhenItsTextMayBeRight) {
  EXPECT_TRUE(is_stale_plan("0A000", "RevalidateCachedQuery"));
  EXPECT_FALSE(is_stale_plan("0A000", "transformSelectStmt"));
  EXPECT_TRUE(is_stale_plan("26000", ""));
}

TEST(Sqlstate, TellsARefusedWriteFromAWrongStatement) {
  EXPECT_TRUE(is_refused_write("25006", false));
  EXPECT_TRUE(is_refused_write("0A000", true)) << "a serializable transaction on a standby";
  EXPECT_FALSE(is_refused_write("0A000", false));
  EXPECT_FALSE(is_refused_write("42501", true));
  EXPECT_TRUE(is_standby("0A000", "get_relation_info")) << "an unlogged table on a standby";
  EXPECT_FALSE(is_standby("0A000", "transformSelectStmt"));
}

TEST(Sqlstate, KeepsTheMessageAndWhereItHappenedButNoValue) {
  const auto unique =
      database_error("23505", R"(duplicate key value violates unique constraint "a_pkey")", "INSERT …");
  EXPECT_EQ(unique.detail,
            R"(duplicate key value violates unique constraint "a_pkey" (SQLSTATE 23505, in: INSERT …))");
  const auto syntax =
      database_error("22P02", R"(invalid input syntax for type bigint: "secret")", "SELECT $1");
  EXPECT_EQ(syntax.detail, "invalid input syntax for type bigint (SQLSTATE 22P02, in: SELECT $1)");
  const auto range = database_error("22003", R"(value "99999999999999999999" is out of range)", "");
  EXPECT_THAT(range.detail, testing::Not(testing::HasSubstr("9999")));
}

}  // namespace
}  // namespace strata::detail
