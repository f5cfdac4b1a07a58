#include <strata/open_database.hpp>

#include "tests/contract/temporary_folder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace strata {
namespace {

using testing::HasSubstr;

TEST(OpenDatabase, KnowsTheKindByTheScheme) {
  EXPECT_EQ(database_kind_of("postgres://h/d"), database_kind::postgres);
  EXPECT_EQ(database_kind_of("postgresql://h/d"), database_kind::postgres);
  EXPECT_EQ(database_kind_of("sqlite:postgres://"), database_kind::sqlite);
  for (const auto* url : {"", "sqlite:", "mysql://h/d", "strata.db"}) {
    const auto kind = database_kind_of(url);
    ASSERT_FALSE(kind) << url;
    EXPECT_EQ(kind.error().code, errc::invalid_argument);
    EXPECT_THAT(kind.error().detail, HasSubstr("known are sqlite:FILE"));
  }
}

TEST(OpenDatabase, OpensAFileOfSqlite) {
  const test::temporary_folder folder;
  const auto opened = open_database("sqlite:" + folder.file("strata.db"), {.sqlite = {.readers = 1}});
  ASSERT_TRUE(opened) << opened.error().detail;
  EXPECT_EQ((*opened)->dialect(), "sqlite");
}

TEST(OpenDatabase, NamesAFolderThatDoesNotExist) {
  const test::temporary_folder folder;
  const auto opened = open_database("sqlite:" + folder.file("missing/strata.db"));
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, errc::database_unavailable);
  EXPECT_THAT(opened.error().detail, HasSubstr("the folder " + folder.file("missing") + " does not exist"));
}

TEST(OpenDatabase, RefusesOtherUrlsWithoutRepeatingThem) {
  const auto opened = open_database("mysql://root:secret@h/d");
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, errc::invalid_argument);
  EXPECT_EQ(opened.error().detail.find("secret"), std::string::npos);
}

}  // namespace
}  // namespace strata
