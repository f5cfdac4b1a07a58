#pragma once
/// Whether L2 can be used and trusted: the circuit breaker, whether both sides are in sync, and until when
/// its reports of changes can be relied on. Threads: internally locked; what a hit reads is atomic.

#include "core/mutex.hpp"
#include "engine/breaker.hpp"
#include "engine/counters.hpp"
#include "engine/hooks.hpp"

#include <strata/cache.hpp>

#include <atomic>
#include <cstdint>
#include <limits>
#include <optional>

namespace strata::detail {

class l2_status {
 public:
  /// Lifetime: both outlive it.
  l2_status(const cache_options& options, counters& counters);

  /// Lets one call through, or nothing while the breaker is open.
  std::optional<breaker::pass> enter();
  /// A call has ended. Counts it, and notifies the observer if the state changed.
  void ended(breaker::pass pass, bool answered, bool timed_out);
  /// When the breaker lets the next call through; nothing while it is closed.
  std::optional<time_point> blocked_until() const;
  /// The store has sent something: the breaker may try it at once.
  void hint();

  /// In sync: no invalidation waits to be delivered, and no change of others was missed. Only then L2 serves.
  bool in_sync() const noexcept { return in_sync_.load(); }
  void set_in_sync(bool in_sync) noexcept { in_sync_.store(in_sync); }
  /// Changes of others were missed.
  void note_loss() noexcept {
    in_sync_.store(false);
    losses_.fetch_add(1);
  }
  /// How often changes were missed. Compare it before and after a call.
  std::uint64_t losses() const noexcept { return losses_.load(); }

  /// Returns whether that makes the store worth a try: trust has returned, or the breaker is open and the
  /// store answers.
  bool trust_until(time_point until, time_point source_watermark) noexcept {
    const auto at = options_.time->now();
    const bool returns = until > at && trusted_until() <= at;
    trusted_until_.store(until.time_since_epoch().count(), std::memory_order_release);
    source_watermark_.store(source_watermark.time_since_epoch().count(), std::memory_order_release);
    if (until <= at) return false;
    const scoped_lock lock(mutex_);
    if (returns) breaker_.hint(at);
    return breaker_.answers(at) || returns;
  }
  time_point trusted_until() const noexcept {
    return time_point(duration(trusted_until_.load(std::memory_order_acquire)));
  }
  time_point source_watermark() const noexcept {
    return time_point(duration(source_watermark_.load(std::memory_order_acquire)));
  }

  /// Notifies the observer if the state is not the one reported last.
  void report();
  void collect(second_level_stats& out) const;

 private:
  second_level_state state() const STRATA_REQUIRES(mutex_);

  const cache_options& options_;
  counters& counters_;
  std::atomic<duration::rep> trusted_until_;
  std::atomic<duration::rep> source_watermark_ = std::numeric_limits<duration::rep>::min();
  std::atomic<bool> in_sync_ = false;
  std::atomic<std::uint64_t> losses_ = 0;

  mutable mutex mutex_;
  breaker breaker_ STRATA_GUARDED_BY(mutex_);
  std::uint64_t timeouts_ STRATA_GUARDED_BY(mutex_) = 0;
  second_level_state reported_state_ STRATA_GUARDED_BY(mutex_) = second_level_state::recovering;
};

}  // namespace strata::detail
