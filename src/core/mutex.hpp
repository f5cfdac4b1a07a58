#pragma once
/// A mutex that clang's -Wthread-safety understands: `std::mutex` of libstdc++ is not annotated.
/// Write `int field STRATA_GUARDED_BY(mutex_);` and a use without the lock does not compile.

#include <condition_variable>
#include <mutex>

#if defined(__clang__)
#define STRATA_THREAD_ATTRIBUTE(x) __attribute__((x))
#else
#define STRATA_THREAD_ATTRIBUTE(x)
#endif
#define STRATA_GUARDED_BY(m) STRATA_THREAD_ATTRIBUTE(guarded_by(m))
#define STRATA_REQUIRES(m) STRATA_THREAD_ATTRIBUTE(requires_capability(m))

namespace strata::detail {

class STRATA_THREAD_ATTRIBUTE(capability("mutex")) mutex {
 public:
  void lock() STRATA_THREAD_ATTRIBUTE(acquire_capability()) { held_.lock(); }
  void unlock() STRATA_THREAD_ATTRIBUTE(release_capability()) { held_.unlock(); }

 private:
  friend class scoped_lock;
  std::mutex held_;
};

/// Holds a mutex until the end of its scope.
class STRATA_THREAD_ATTRIBUTE(scoped_lockable) scoped_lock {
 public:
  explicit scoped_lock(mutex& held) STRATA_THREAD_ATTRIBUTE(acquire_capability(held)) : lock_(held.held_) {}
  ~scoped_lock() STRATA_THREAD_ATTRIBUTE(release_capability()) = default;
  scoped_lock(const scoped_lock&) = delete;
  scoped_lock& operator=(const scoped_lock&) = delete;

  /// Lets go, sleeps until `woken` is notified, and holds again. May wake for no reason.
  void wait(std::condition_variable& woken) { woken.wait(lock_); }

 private:
  std::unique_lock<std::mutex> lock_;
};

}  // namespace strata::detail
