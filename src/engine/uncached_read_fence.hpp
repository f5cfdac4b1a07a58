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
/// A value that was read without the lease of L2 may be kept in memory. It is fenced in the same way, except
/// for itself: until the watermark has passed it, another process may still fill an older one. Without a
/// relay values are ordered by asof, so from then on none as of an earlier time is served.
///
/// Keys share slots by hash. A collision causes extra misses, until the watermark has moved on, or until the
/// key is filled again.

#include "core/atomic_max.hpp"
#include "engine/mutation.hpp"

#include <strata/time.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>

namespace strata::detail {

class uncached_read_fence {
 public:
  uncached_read_fence() {
    for (auto& each : ends_) each.store(never, std::memory_order_relaxed);
  }

  /// A read of the key with this hash ended by `end`, and its value is returned without being cached.
  void note(std::uint64_t hash, time_point end) noexcept {
    auto& slot = ends_[slot_of(hash)];
    auto before = slot.load(std::memory_order_relaxed);
    auto noted = never;
    // Always later than what is noted already, so that a kept read is no longer the latest.
    do {
      noted = std::max(ticks_of(end), before + 1);
    } while (!slot.compare_exchange_weak(before, noted, std::memory_order_acq_rel));
    atomic_max(latest_, noted);
  }

  /// A read without the lease, of a value as of `asof`, began and ended at these times. Returns whether its
  /// value may be kept: not if a read that ended since `began` may have returned a newer one.
  bool note_kept(std::uint64_t hash, commit_time asof, time_point began, time_point end) noexcept {
    atomic_max(kept_asofs_[slot_of(hash)], asof);
    any_kept_.store(true, std::memory_order_release);
    auto& slot = ends_[slot_of(hash)];
    auto before = slot.load(std::memory_order_relaxed);
    do {
      if (before >= ticks_of(began)) {
        note(hash, end);
        return false;
      }
    } while (!slot.compare_exchange_weak(before, ticks_of(end), std::memory_order_acq_rel));
    atomic_max(latest_, ticks_of(end));
    return true;
  }

  /// Whether a value whose factory began at `began` may be older than one that was already returned.
  /// `kept_end`: the end of its own read, if that was noted by `note_kept`.
  /// Cost: one load while `source_watermark` is past every noted read.
  bool may_be_older(std::uint64_t hash, time_point began, time_point source_watermark,
                    std::optional<time_point> kept_end = {}) const noexcept {
    const auto until = ticks_of(source_watermark);
    if (latest_.load(std::memory_order_acquire) < until || mutated(mutation::unkept_ignored)) return false;
    const auto end = ends_[slot_of(hash)].load(std::memory_order_acquire);
    if (kept_end && end == ticks_of(*kept_end)) return false;
    return end != never && end >= until && ticks_of(began) <= end;
  }

  /// Whether a value as of `asof` is as of an earlier time than one that was read without the lease and kept.
  /// Cost: one load until the first of these.
  bool is_before_kept(std::uint64_t hash, commit_time asof) const noexcept {
    return any_kept_.load(std::memory_order_acquire) &&
           asof < kept_asofs_[slot_of(hash)].load(std::memory_order_acquire);
  }

 private:
  using ticks = duration::rep;
  static constexpr ticks never = std::numeric_limits<ticks>::min();
  static constexpr std::size_t slots = 1024;
  static std::size_t slot_of(std::uint64_t hash) noexcept { return hash & (slots - 1); }
  static ticks ticks_of(time_point at) noexcept { return at.time_since_epoch().count(); }

  alignas(64) std::atomic<ticks> latest_ = never;
  std::atomic<bool> any_kept_ = false;
  alignas(64) std::array<std::atomic<ticks>, slots> ends_;
  std::array<std::atomic<commit_time>, slots> kept_asofs_ = {};
};

}  // namespace strata::detail
