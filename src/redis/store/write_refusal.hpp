#pragma once
/// Why the server refuses writes that it understood: no memory is left, its disk is full, it is a replica.
/// Threads: internally locked by `mutex_`.

#include "core/mutex.hpp"

#include <strata/error.hpp>

#include <atomic>
#include <string>

namespace strata::redis {

class write_refusal {
 public:
  void note(const error& why) {
    const detail::scoped_lock lock(mutex_);
    why_ = why.detail;
    any_.store(true, std::memory_order_relaxed);
  }
  /// A write was accepted.
  void end() {
    if (!any_.load(std::memory_order_relaxed)) return;
    const detail::scoped_lock lock(mutex_);
    why_.clear();
    any_.store(false, std::memory_order_relaxed);
  }
  /// Empty: it refuses nothing.
  std::string why() const {
    const detail::scoped_lock lock(mutex_);
    return why_;
  }

 private:
  mutable detail::mutex mutex_;
  std::string why_ STRATA_GUARDED_BY(mutex_);
  std::atomic<bool> any_ = false;
};

}  // namespace strata::redis
