#include "cli/database_url.hpp"

#include <gtest/gtest.h>

namespace strata::cli {
namespace {

TEST(DatabaseUrl, KnowsPostgresByItsScheme) {
  EXPECT_TRUE(is_postgres("postgres://h/d"));
  EXPECT_TRUE(is_postgres("postgresql://h/d"));
  EXPECT_FALSE(is_postgres("sqlite:postgres://"));
}

TEST(DatabaseUrl, NeverShowsAPassword) {
  const std::pair<const char*, const char*> shown[] = {
      {"postgres://ann:secret@h:5432/d", "postgres://ann:********@h:5432/d"},
      {"postgres://ann:se:cr@et@h/d?sslmode=require", "postgres://ann:********@h/d?sslmode=require"},
      {"postgres://ann:se?cr/et@h/d", "postgres://ann:********@h/d"},
      {"postgres://h/d?password=secret&user=ann", "postgres://h/d?password=********&user=ann"},
      {"postgres://h/d?user=ann&sslpassword=secret", "postgres://h/d?user=ann&sslpassword=********"},
      {"postgres://ann@h:5432/d", "postgres://ann@h:5432/d"},
      {"postgres://h:5432/d?password", "postgres://h:5432/d?password"},
      {"sqlite:a:b@c", "sqlite:a:b@c"},
  };
  for (const auto& [url, expected] : shown) EXPECT_EQ(without_password(url), expected);
}

}  // namespace
}  // namespace strata::cli
