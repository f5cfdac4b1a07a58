#include "gateway/database_url.hpp"

#include <gtest/gtest.h>

namespace strata::gateway {
namespace {

TEST(DatabaseUrl, KnowsPostgresByItsScheme) {
  EXPECT_TRUE(is_postgres("postgres://h/d"));
  EXPECT_TRUE(is_postgres("postgresql://h/d"));
  EXPECT_FALSE(is_postgres("sqlite:postgres://"));
}

}  // namespace
}  // namespace strata::gateway
