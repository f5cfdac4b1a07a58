/// The cache maintains itself.

#include "engine/stage_test_support.hpp"

#include <gtest/gtest.h>

namespace {

using namespace strata;
using namespace strata::engine_test;

TEST(Maintenance, DropsExpiredEntriesWithoutACall) {
  stage s({.ttl = 10s, .jitter = 0});
  s.read_value("Ada");
  EXPECT_EQ(s.store.stats().entries, 1u);
  s.advance(9s);
  EXPECT_EQ(s.store.stats().entries, 1u);
  s.advance(2s);
  EXPECT_EQ(s.store.stats().entries, 0u);
  EXPECT_EQ(s.store.stats().expirations, 1u);
}

TEST(Maintenance, IsLeftToTheCallerWithoutAnInterval) {
  stage s({.ttl = 10s, .jitter = 0}, {.maintenance_interval = 0s});
  s.read_value("Ada");
  s.advance(9s);
  s.advance(2s);
  EXPECT_EQ(s.store.stats().entries, 1u);
  s.store.maintain();
  EXPECT_EQ(s.store.stats().entries, 0u);
}

}  // namespace
