#pragma once
/// This process's view of the commit clock. Alone it is the clock; over a store it is the largest
/// time heard of the store's counter, and what is counted here is raised by the store when it is told.
/// Threads: internally synchronised, without locks.
///
/// Two things make it work. Whatever is heard (the time of a lease, an asof, a floor) is merged before
/// it is used, so a tick is above every asof in memory. And each call to the store brings `now()`
/// along, so what the store grants next is not below what was counted here.

#include <strata/time.hpp>

#include <atomic>

#include "core/atomic_max.hpp"

namespace strata::detail {

class commit_clock {
 public:
  commit_time now() const noexcept { return counted_.load(std::memory_order_acquire); }

  /// A new time, later than all before: the floor of an invalidation.
  commit_time tick() noexcept { return counted_.fetch_add(1, std::memory_order_acq_rel) + 1; }

  /// Hears of a time, and returns it. One that is out of range is damage, and changes nothing.
  commit_time merge(commit_time heard) noexcept {
    if (heard > last_commit_time) return heard;
    atomic_max(counted_, heard);
    return heard;
  }

 private:
  std::atomic<commit_time> counted_ = 1;
};

}  // namespace strata::detail
