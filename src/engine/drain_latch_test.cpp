#include "engine/drain_latch.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <optional>
#include <thread>
#include <vector>

namespace strata::detail {
namespace {

TEST(DrainLatch, LetsGuestsInUntilItIsClosed) {
  drain_latch latch;
  {
    const drain_latch::guest one(latch);
    const drain_latch::guest two(latch);
    EXPECT_TRUE(one);
    EXPECT_TRUE(two);
  }
  latch.close();
  latch.close();
  EXPECT_FALSE(drain_latch::guest(latch));
}

TEST(DrainLatch, ClosesBehindTheLastGuest) {
  drain_latch latch;
  auto inside = std::make_optional<drain_latch::guest>(latch);
  auto moved = std::make_optional<drain_latch::guest>(std::move(*inside));
  inside.reset();
  std::atomic<bool> over = false;
  std::thread closing([&] {
    latch.close();
    over = true;
  });
  while (drain_latch::guest(latch)) std::this_thread::yield();
  for (int i = 0; i < 100; ++i) {
    EXPECT_FALSE(over);
    std::this_thread::yield();
  }
  moved.reset();
  closing.join();
  EXPECT_TRUE(over);
}

TEST(DrainLatch, NoGuestIsInsideOnceItIsClosed) {
  for (int round = 0; round < 200; ++round) {
    drain_latch latch;
    std::atomic<bool> closed = false;
    std::vector<std::thread> guests;
    for (int t = 0; t < 3; ++t) {
      guests.emplace_back([&] {
        for (bool open = true; open;) {
          const drain_latch::guest inside(latch);
          open = static_cast<bool>(inside);
          if (open) {
            EXPECT_FALSE(closed);
          }
        }
      });
    }
    latch.close();
    closed = true;
    for (auto& each : guests) each.join();
  }
}

}  // namespace
}  // namespace strata::detail
