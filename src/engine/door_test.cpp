#include "engine/door.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <optional>
#include <thread>
#include <vector>

namespace strata::detail {
namespace {

TEST(Door, LetsGuestsInUntilItIsClosed) {
  door at;
  {
    const door::guest one(at);
    const door::guest two(at);
    EXPECT_TRUE(one);
    EXPECT_TRUE(two);
  }
  at.close();
  at.close();
  EXPECT_FALSE(door::guest(at));
}

TEST(Door, ClosesBehindTheLastGuest) {
  door at;
  auto inside = std::make_optional<door::guest>(at);
  auto moved = std::make_optional<door::guest>(std::move(*inside));
  inside.reset();
  std::atomic<bool> over = false;
  std::thread closing([&] {
    at.close();
    over = true;
  });
  while (door::guest(at)) std::this_thread::yield();
  for (int i = 0; i < 100; ++i) {
    EXPECT_FALSE(over);
    std::this_thread::yield();
  }
  moved.reset();
  closing.join();
  EXPECT_TRUE(over);
}

TEST(Door, NobodyIsInsideOnceItIsClosedHoweverRaced) {
  for (int round = 0; round < 200; ++round) {
    door at;
    std::atomic<bool> closed = false;
    std::vector<std::thread> guests;
    for (int t = 0; t < 3; ++t) {
      guests.emplace_back([&] {
        for (bool open = true; open;) {
          const door::guest inside(at);
          open = static_cast<bool>(inside);
          if (open) {
            EXPECT_FALSE(closed);
          }
        }
      });
    }
    at.close();
    closed = true;
    for (auto& each : guests) each.join();
  }
}

}  // namespace
}  // namespace strata::detail
