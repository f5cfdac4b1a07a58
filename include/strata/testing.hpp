#pragma once
/// For tests of code that uses Strata: time that stands still until it is told to move.
/// Threads: `manual_clock` may be read and moved from any thread.

#include <strata/time.hpp>

#include <atomic>

namespace strata::testing {

/// A clock that a test owns.
class manual_clock final : public clock {
 public:
  time_point now() const noexcept override {
    return time_point(duration(since_start_.load(std::memory_order_relaxed)));
  }
  wall_time wall() const noexcept override {
    return wall_time(std::chrono::hours(24 * 365 * 50)) +
           std::chrono::duration_cast<std::chrono::milliseconds>(now().time_since_epoch());
  }

  /// Moves time on. Requires: `by` is not negative.
  void advance(duration by) noexcept { since_start_.fetch_add(by.count(), std::memory_order_relaxed); }

 private:
  std::atomic<duration::rep> since_start_ = std::chrono::nanoseconds(std::chrono::hours(1)).count();
};

}  // namespace strata::testing
