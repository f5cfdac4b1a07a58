#include "memory/readers.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <optional>
#include <thread>
#include <vector>

namespace strata::memory {
namespace {

struct Readers : testing::Test {
  Readers() { readers::prepare(); }
};

TEST_F(Readers, DoNotWaitForThoseWhoReadNothing) {
  readers::join();
  {
    const readers::section here;
  }
  const auto taken_away = readers::stamp();
  EXPECT_FALSE(readers::passed(taken_away));
  readers::wait();
  EXPECT_TRUE(readers::passed(taken_away));
  EXPECT_FALSE(readers::passed(readers::stamp()));
}

TEST_F(Readers, WaitForASectionThatHasBegunAndForNoLaterOne) {
  std::atomic<int> step = 0;
  std::thread reader([&] {
    readers::join();
    {
      const readers::section here;
      EXPECT_TRUE(here);
      step = 1;
      while (step != 2) std::this_thread::yield();
    }
    const readers::section later;
    step = 3;
    while (step != 4) std::this_thread::yield();
  });
  while (step != 1) std::this_thread::yield();
  const auto taken_away = readers::stamp();
  std::atomic<bool> over = false;
  std::thread writer([&] {
    readers::wait();
    over = true;
  });
  for (int i = 0; i < 1000; ++i) {
    EXPECT_FALSE(over);
    EXPECT_FALSE(readers::passed(taken_away));
    std::this_thread::yield();
  }
  step = 2;
  while (step != 3) std::this_thread::yield();
  writer.join();  // though the reader is in a later section
  EXPECT_TRUE(readers::passed(taken_away));
  step = 4;
  reader.join();
}

/// Memory in use by readers is never freed. Writers replace marked numbers, and overwrite the mark of a
/// removed number after a grace period.
TEST_F(Readers, NeverSeeWhatWasFreed) {
  struct marked {
    std::uint64_t value;
    std::uint64_t twice;
  };
  std::atomic<const marked*> shown = new marked{1, 2};
  std::atomic<bool> stop = false;
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      while (!stop) {
        // Threads come and go, and others take their places.
        std::thread([&] {
          readers::join();
          for (int reads = 0; reads < 2000; ++reads) {
            const readers::section here;
            ASSERT_TRUE(here);
            const marked* seen = shown.load(std::memory_order_acquire);
            ASSERT_EQ(seen->twice, seen->value * 2);
          }
        }).join();
      }
    });
  }
  for (std::uint64_t i = 2; i < 3000; ++i) {
    const marked* old = shown.exchange(new marked{i, i * 2}, std::memory_order_acq_rel);
    readers::wait();
    delete old;
  }
  stop = true;
  for (auto& thread : threads) thread.join();
  delete shown.load();
}

TEST_F(Readers, FallBackToTheLockWhenTheirThreadHasEnded) {
  static std::atomic<int> outcome = 0;
  struct late {
    ~late() {
      readers::join();
      const readers::section here;
      outcome = here ? 1 : 2;
    }
  };
  std::thread([] {
    // Constructed before the thread's place, so destroyed after it.
    static thread_local late last;
    static_cast<void>(&last);
    EXPECT_FALSE(readers::section());  // not yet either
    readers::join();
    const readers::section here;
    EXPECT_TRUE(here);
  }).join();
  EXPECT_EQ(outcome, 2);
}

}  // namespace
}  // namespace strata::memory
