#pragma once
/// This process's view of the commit clock. Without a store it is the clock itself. Over a store it is the
/// latest time seen of the store's counter; the store raises local ticks when an invalidation reaches it.
/// Threads: internally synchronised, without locks.
///
/// Two rules make it work. Every time received (of a lease, an asof, a floor) is merged before it is used, so
/// a tick is above every asof in memory. And each call to the store carries `now()`, so the store never
/// grants a time below what was counted here.

#include <strata/time.hpp>

#include <atomic>

#include "core/atomic_max.hpp"

namespace strata::detail {

class commit_clock {
 public:
  commit_time now() const noexcept { return counted_.load(std::memory_order_acquire); }

  /// A new time, later than all before it: the floor of an invalidation.
  commit_time tick() noexcept { return counted_.fetch_add(1, std::memory_order_acq_rel) + 1; }

  /// Moves the clock forward to `received`, and returns `received`. A time out of range is corrupt and
  /// changes nothing.
  commit_time merge(commit_time received) noexcept {
    if (received <= last_commit_time) atomic_max(counted_, received);
    return received;
  }

 private:
  std::atomic<commit_time> counted_ = 1;
};

}  // namespace strata::detail
