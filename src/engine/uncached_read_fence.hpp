#pragma once
/// When a value was last read from the source and returned without being cached. It keeps the cache from
/// serving an older value of that key afterwards, for example one that another process stored.
/// Threads: internally synchronised, without locks.
///
/// Such a reader has seen the source as of some moment before its read ended. A cached value may be older
/// than what it saw, until the relay has reported every change committed before that end: the relay's
/// `source_watermark` has passed it. From then on the older value would have been invalidated.
/// So the fence needs a relay; without one there is no watermark.
///
/// Keys share slots by hash. A collision causes extra misses, until the watermark has moved on.

#include "core/atomic_max.hpp"
#include "engine/mutation.hpp"

#include <strata/time.hpp>

#include <array>
#include <atomic>
#include <cstdint>
#include <limits>

namespace strata::detail {

class uncached_read_fence {
 public:
  uncached_read_fence() {
    for (auto& each : ends_) each.store(never, std::memory_order_relaxed);
  }

  /// A read of the key with this hash ended by `end`, and its value is returned without being cached.
  void note(std::uint64_t hash, time_point end) noexcept {
    const auto ticks_of_end = end.time_since_epoch().count();
    atomic_max(ends_[hash & (ends_.size() - 1)], ticks_of_end);
    atomic_max(latest_, ticks_of_end);
  }

  /// Whether a value whose factory began at `began` may be older than one that was already returned.
  /// Cost: one load while `source_watermark` is past every noted read.
  bool may_be_older(std::uint64_t hash, time_point began, time_point source_watermark) const noexcept {
    const auto until = source_watermark.time_since_epoch().count();
    if (latest_.load(std::memory_order_acquire) < until || mutated(mutation::unkept_ignored)) return false;
    const auto end = ends_[hash & (ends_.size() - 1)].load(std::memory_order_acquire);
    return end != never && end >= until && began.time_since_epoch().count() <= end;
  }

 private:
  using ticks = duration::rep;
  static constexpr ticks never = std::numeric_limits<ticks>::min();

  alignas(64) std::atomic<ticks> latest_ = never;
  alignas(64) std::array<std::atomic<ticks>, 1024> ends_;
};

}  // namespace strata::detail
