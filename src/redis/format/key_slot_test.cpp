#include "redis/format/key_slot.hpp"

#include <gtest/gtest.h>

namespace strata::redis {
namespace {

TEST(KeySlot, IsCountedAsTheClusterSpecificationDoes) {
  EXPECT_EQ(slot_of("123456789"), 0x31c3 % 16384);  // the specification's own example
  EXPECT_EQ(slot_of("foo"), 12182);
  EXPECT_EQ(slot_of("{user1000}.following"), slot_of("{user1000}.followers"));
  EXPECT_EQ(slot_of("foo{}{bar}"), slot_of("foo{}{bar}"));
  EXPECT_NE(slot_of("foo{}{bar}"), slot_of("bar"));  // an empty tag is none
  EXPECT_EQ(slot_of("foo{{bar}}zap"), slot_of("{bar"));
  EXPECT_EQ(slot_of("foo{bar}{zap}"), slot_of("bar"));
}

}  // namespace
}  // namespace strata::redis
