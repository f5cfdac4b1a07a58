#pragma once
/// The lock of one shard: held for a lookup or a bounded change, so waiters spin first.
/// Threads: internally locked. Cost: uncontended, one atomic exchange and one plain store.

#include <atomic>
#include <chrono>
#include <thread>

#include "core/thread_annotations.hpp"

namespace strata::memory {

/// Waits for another thread that is about to finish: spins first, then yields the processor, since the
/// other thread may have been preempted.
class backoff {
 public:
  void pause() noexcept {
    if (++round_ % 64 != 0) {
      relax();
    } else if (round_ < 16 * 64) {
      std::this_thread::yield();
    } else {
      std::this_thread::sleep_for(std::chrono::microseconds(50));
    }
  }

 private:
  static void relax() noexcept {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
  }

  unsigned round_ = 0;
};

class STRATA_CAPABILITY("mutex") spin_lock {
 public:
  void lock() noexcept STRATA_ACQUIRE() {
    if (held_.exchange(true, std::memory_order_acquire)) wait();
  }
  void unlock() noexcept STRATA_RELEASE() { held_.store(false, std::memory_order_release); }

 private:
  void wait() noexcept {
    backoff slower;
    while (held_.load(std::memory_order_relaxed) || held_.exchange(true, std::memory_order_acquire)) {
      slower.pause();
    }
  }

  std::atomic<bool> held_{false};
};

class STRATA_SCOPED_CAPABILITY locked {
 public:
  explicit locked(spin_lock& lock) STRATA_ACQUIRE(lock) : lock_(lock) { lock_.lock(); }
  ~locked() STRATA_RELEASE() { lock_.unlock(); }
  locked(const locked&) = delete;
  locked& operator=(const locked&) = delete;

 private:
  spin_lock& lock_;
};

}  // namespace strata::memory
