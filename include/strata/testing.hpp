#pragma once
/// For tests of code that uses Strata: time that stands still until it is told to move.
/// Threads: `manual_clock` may be read and moved from any thread.

#include <strata/time.hpp>
#include <strata/timer.hpp>

#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <utility>

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

/// Timers on a manual clock: they run when the test says so.
class manual_timers final : public timers {
 public:
  explicit manual_timers(const clock& time) : time_(time) {}

  id at(time_point when, std::move_only_function<void()> work) override {
    std::lock_guard lock(mutex_);
    due_.emplace(std::pair(when, ++last_), std::move(work));
    return last_;
  }

  bool cancel(id which) override {
    std::lock_guard lock(mutex_);
    return std::erase_if(due_, [&](const auto& each) { return each.first.second == which; }) != 0;
  }

  /// Runs what is due by now, in order, and returns how many that were.
  std::size_t run_due() {
    std::size_t ran = 0;
    for (;; ++ran) {
      std::move_only_function<void()> work;
      {
        std::lock_guard lock(mutex_);
        if (due_.empty() || due_.begin()->first.first > time_.now()) return ran;
        work = std::move(due_.begin()->second);
        due_.erase(due_.begin());
      }
      work();
    }
  }

  std::size_t pending() const {
    std::lock_guard lock(mutex_);
    return due_.size();
  }

 private:
  const clock& time_;
  mutable std::mutex mutex_;
  std::map<std::pair<time_point, id>, std::move_only_function<void()>> due_;
  id last_ = 0;
};

}  // namespace strata::testing
