#pragma once
/// The one mutex of the library. clang's -Wthread-safety understands it; libstdc++'s `std::mutex`
/// carries no annotations. Use `scoped_lock` to hold it, and wait in a loop, since the analysis does
/// not look into the lambda of a predicate: `while (queue_.empty()) lock.wait(wake_);`

#include <chrono>
#include <condition_variable>
#include <mutex>

#include "core/thread_annotations.hpp"

namespace strata::detail {

class STRATA_CAPABILITY("mutex") mutex {
 public:
  void lock() STRATA_ACQUIRE() { held_.lock(); }
  void unlock() STRATA_RELEASE() { held_.unlock(); }

 private:
  friend class scoped_lock;
  std::mutex held_;
};

/// Holds a mutex until the end of its scope, or until `unlock`.
class STRATA_SCOPED_CAPABILITY scoped_lock {
 public:
  explicit scoped_lock(mutex& held) STRATA_ACQUIRE(held) : lock_(held.held_) {}
  ~scoped_lock() STRATA_RELEASE() = default;
  scoped_lock(const scoped_lock&) = delete;
  scoped_lock& operator=(const scoped_lock&) = delete;

  void unlock() STRATA_RELEASE() { lock_.unlock(); }
  void lock() STRATA_ACQUIRE() { lock_.lock(); }

  /// Releases the mutex, sleeps until `woken` is notified, and holds the mutex again. Can wake spuriously.
  void wait(std::condition_variable& woken) { woken.wait(lock_); }

  /// The same, until `end` at the latest. Returns false if the time is up.
  template <class Clock, class Duration>
  bool wait_until(std::condition_variable& woken, std::chrono::time_point<Clock, Duration> end) {
    return woken.wait_until(lock_, end) == std::cv_status::no_timeout;
  }

 private:
  std::unique_lock<std::mutex> lock_;
};

}  // namespace strata::detail
