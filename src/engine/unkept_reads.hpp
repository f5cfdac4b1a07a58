#pragma once
/// When values were last read from the source that were not kept: so that no older one of the same key,
/// which another process stored, is served after them.
/// Threads: internally synchronised, without locks.
///
/// Such a reader has seen the source as it was at some time until his read ended. A value that was read
/// before may be older than what he saw, until it is told that everything that was committed to the source
/// before that end has been told (`told`): by then the older one was invalidated. So it takes a relay.
///
/// Keys share slots by their hash. A collision holds back too much, and only until `told` has moved on.

#include "core/atomic_max.hpp"
#include "engine/mutation.hpp"

#include <strata/time.hpp>

#include <array>
#include <atomic>
#include <cstdint>
#include <limits>

namespace strata::detail {

class unkept_reads {
 public:
  unkept_reads() {
    for (auto& each : ends_) each.store(never, std::memory_order_relaxed);
  }

  /// A value of the key `hash` was read by `end`, and is returned, but not kept.
  void note(std::uint64_t hash, time_point end) noexcept {
    raise(slot(hash), end);
    raise(latest_, end);
  }

  /// Whether a value of the key whose factory began at `began` may be older than what was returned already.
  /// Cost: one load while `told` is past all that was noted.
  bool may_be_newer(std::uint64_t hash, time_point began, time_point told) const noexcept {
    const auto until = told.time_since_epoch().count();
    if (latest_.load(std::memory_order_acquire) < until || mutated(mutation::unkept_ignored)) return false;
    const auto end = ends_[hash & (ends_.size() - 1)].load(std::memory_order_acquire);
    return end != never && end >= until && began.time_since_epoch().count() <= end;
  }

 private:
  using ticks = duration::rep;
  static constexpr ticks never = std::numeric_limits<ticks>::min();

  std::atomic<ticks>& slot(std::uint64_t hash) noexcept { return ends_[hash & (ends_.size() - 1)]; }
  static void raise(std::atomic<ticks>& at, time_point to) noexcept {
    atomic_max(at, to.time_since_epoch().count());
  }

  alignas(64) std::atomic<ticks> latest_ = never;
  alignas(64) std::array<std::atomic<ticks>, 1024> ends_;
};

}  // namespace strata::detail
