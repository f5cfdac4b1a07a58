#include "memory/retired.hpp"

#include <gtest/gtest.h>

#include <memory>

namespace strata::memory {
namespace {

struct Retired : testing::Test {
  Retired() { readers::prepare(); }

  void add(unsigned count, std::size_t bytes) {
    for (unsigned i = 0; i < count; ++i) values.add(std::make_unique<int>(static_cast<int>(i)), bytes);
  }
  unsigned reclaim() {
    unsigned freed = 0;
    values.reclaim([&](std::unique_ptr<int> value) {
      EXPECT_EQ(*value, static_cast<int>(freed));
      ++freed;
    });
    return freed;
  }

  using ring = retired<std::unique_ptr<int>>;
  ring values;
};

TEST_F(Retired, AreCrowdedWhenHalfThePlacesAreTakenAndNoGracePeriodIsOver) {
  add(ring::most / 2, 1);
  EXPECT_FALSE(values.crowded(1000));
  add(1, 1);
  EXPECT_TRUE(values.crowded(1000));
  EXPECT_EQ(reclaim(), 0);
  readers::wait();
  EXPECT_FALSE(values.crowded(1000));
}

TEST_F(Retired, AreCrowdedWhenHalfTheirBytesAreTakenAndNoGracePeriodIsOver) {
  add(1, 500);
  EXPECT_FALSE(values.crowded(1000));
  add(1, 1);
  EXPECT_TRUE(values.crowded(1000));
  readers::wait();
  EXPECT_FALSE(values.crowded(1000));
}

TEST_F(Retired, AreFreedInOrderOnceTheirGracePeriodIsOverAndNoLaterOnes) {
  add(3, 10);
  readers::wait();
  add(2, 10);
  EXPECT_EQ(reclaim(), 3);
  EXPECT_EQ(values.bytes(), 20);
  EXPECT_FALSE(values.empty());
}

}  // namespace
}  // namespace strata::memory
