#pragma once
/// The lock of one shard: held for a lookup or a bounded change, so waiters spin first.
/// Threads: internally locked. Cost: uncontended, one atomic exchange and one plain store.

#include <atomic>
#include <chrono>
#include <thread>

#if defined(__clang__)
#define STRATA_CAPABILITY(name) __attribute__((capability(name)))
#define STRATA_SCOPED_CAPABILITY __attribute__((scoped_lockable))
#define STRATA_GUARDED_BY(lock) __attribute__((guarded_by(lock)))
#define STRATA_REQUIRES(lock) __attribute__((requires_capability(lock)))
#define STRATA_ACQUIRE(...) __attribute__((acquire_capability(__VA_ARGS__)))
#define STRATA_RELEASE(...) __attribute__((release_capability(__VA_ARGS__)))
#define STRATA_NO_ANALYSIS __attribute__((no_thread_safety_analysis))
#else
#define STRATA_CAPABILITY(name)
#define STRATA_SCOPED_CAPABILITY
#define STRATA_GUARDED_BY(lock)
#define STRATA_REQUIRES(lock)
#define STRATA_ACQUIRE(...)
#define STRATA_RELEASE(...)
#define STRATA_NO_ANALYSIS
#endif

namespace strata::memory {

class STRATA_CAPABILITY("mutex") spin_lock {
 public:
  void lock() noexcept STRATA_ACQUIRE() {
    if (held_.exchange(true, std::memory_order_acquire)) wait();
  }
  void unlock() noexcept STRATA_RELEASE() { held_.store(false, std::memory_order_release); }

 private:
  /// Spins, then gives the processor away: the holder may have been preempted, and then only
  /// running it helps.
  void wait() noexcept {
    for (unsigned round = 0;; ++round) {
      for (int spins = 0; spins < 64; ++spins) {
        if (!held_.load(std::memory_order_relaxed) && !held_.exchange(true, std::memory_order_acquire))
          return;
        pause();
      }
      if (round < 16) {
        std::this_thread::yield();
      } else {
        std::this_thread::sleep_for(std::chrono::microseconds(50));
      }
    }
  }
  static void pause() noexcept {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
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
