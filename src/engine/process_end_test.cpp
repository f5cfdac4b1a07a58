/// What runs in the background when the process ends.

#include <strata/time.hpp>
#include <strata/timer.hpp>

#include <gtest/gtest.h>

#include <cstdlib>
#include <thread>
#include <vector>

namespace strata {
namespace {

[[noreturn]] void end_while_others_work() {
  std::vector<std::thread> others;
  for (int i = 0; i < 4; ++i) {
    others.emplace_back([] {
      for (;;) {
        system_background().post([] { std::this_thread::yield(); });
        system_timers().at(system_clock().now(), [] {});
      }
    });
  }
  for (auto& each : others) each.detach();
  std::exit(0);
}

TEST(ProcessEnd, IsCleanThoughOtherThreadsGoOnPosting) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  for (int i = 0; i < 20; ++i) {
    EXPECT_EXIT(end_while_others_work(), testing::ExitedWithCode(0), "");
  }
}

}  // namespace
}  // namespace strata
