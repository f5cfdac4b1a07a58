#pragma once
/// The store as the engine sees it: each call with a deadline, behind a circuit breaker, and with the
/// promise that no invalidation is lost.
/// Threads: internally locked.
///
/// It *serves* (reads, leases, fills) only while it is in sync with this process: while no invalidation waits
/// to be delivered to the store, and no change of others waits to be received. It falls out of sync when an
/// invalidation failed, or may have failed, and when the store reports that changes were missed. Then a
/// *recovery* runs before anything is served again (recovery.hpp). Out of sync, a read gets the answer that
/// the second level is down; the first one starts the recovery, and so do `lost` and a timer. Invalidations
/// are sent all the same: other processes may be in sync.
///
/// Two rules make this safe. A failed invalidation is kept before its caller gets the failure, so every read
/// that begins after it returned finds us out of sync. And the store calls `lost` before it delivers an
/// answer over a new connection, so an answer is dropped if `lost` was called since its question.

#include "engine/recovery.hpp"

#include <strata/cache.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace strata::detail {

class second_level {
 public:
  /// What it shares with the engine. Lifetime: all outlive it.
  struct surroundings {
    const cache_options& options;
    commit_clock& clock;
    detail::counters& counters;
    floor_table& floors;
  };
  explicit second_level(surroundings with);

  explicit operator bool() const noexcept { return options_.second_level != nullptr; }

  /// Begins to serve, and to report changes to `listener`. `owner` keeps this, the surroundings and
  /// `listener` alive.
  void open(std::shared_ptr<void> owner, store_observer& listener);
  void close(store_observer& listener) noexcept;

  // Served by the store.
  // Errors: store_unavailable, also while out of sync; timeout.

  task<result<std::optional<stored_value>>> get(std::string name);
  task<result<std::vector<std::optional<stored_value>>>> get_many(std::vector<std::string> names);
  /// The value, or on a miss the lease if no other process holds it.
  task<result<acquire_result>> acquire(std::string name);
  task<result<std::vector<acquire_result>>> acquire_many(std::vector<std::string> names);
  /// The lease, though there is a value; not if another process holds it.
  task<result<lease_grant>> take_lease(std::string name);
  /// Takes the lease even if another process holds it: for writers.
  task<result<lease_grant>> force_lease(std::string name);
  task<result<std::vector<lease_grant>>> force_lease_many(std::vector<std::string> names);

  /// A value for the store.
  struct entry {
    std::string name;
    lease_token lease = 0;
    commit_time asof = 0;
    std::string bytes;
    time_point until{};  ///< the end of its life
  };
  /// Fills end the lease, whatever becomes of the value.
  task<result<fill_result>> fill(entry value);
  task<result<std::vector<fill_result>>> fill_many(std::vector<entry> values);
  task<result<bool>> touch(std::string name, duration ttl);
  task<result<void>> release(std::string name, lease_token lease);
  /// Whether the lease is still held, now for another `fill_lease`.
  task<result<bool>> renew(std::string name, lease_token lease);

  // Invalidations. `floor` is the caller's. They return the store's floor, or nothing if the invalidation is
  // kept for later.

  /// What one call invalidates. The floors' asof is `floor`.
  struct change {
    std::vector<std::string> names;
    std::vector<floor_entry> floors;
    bool soft = false;  ///< `names` expire instead of being removed
    commit_time floor = 0;
  };
  /// Called instead of the return with what it would have returned, if the task was destroyed. May be called
  /// again by an answer that comes after the deadline. Runs on the thread that ends the call, while the
  /// engine lives.
  using invalidation_end = std::function<void(std::optional<commit_time>)>;
  /// Cost: one round trip.
  task<std::optional<commit_time>> invalidate(change what, invalidation_end ended);
  task<std::optional<commit_time>> invalidate_matching(std::string glob, commit_time floor,
                                                       invalidation_end ended);
  /// As `invalidate` of one name, and returns its value if that can be trusted.
  /// Errors: as those above; the removal is kept for later.
  task<result<taken_value>> take(std::string name, commit_time floor);
  /// Remembers that `name` was written: a server that goes back in time has to forget its older value.
  void note_written(const std::string& name) { recovery_.remember(invalidation_kind::removed, {name}); }

  // Reports of the store.

  void lost(bool may_have_forgotten) { recovery_.lost(may_have_forgotten); }
  void trust_until(time_point until, time_point source_watermark) noexcept {
    if (status_.trust_until(until, source_watermark)) recovery_.store_answers();
  }

  /// Until when copies can be trusted. Cost: one load.
  time_point trusted_until() const noexcept { return status_.trusted_until(); }

  /// Every change committed to the source before this moment has been reported; time_point::min() without a
  /// relay. Read it before you look at a value. Cost: one load.
  time_point source_watermark() const noexcept { return status_.source_watermark(); }

  /// False while an invalidation of this process waits to be delivered. Cost: one load.
  bool all_delivered() const noexcept { return status_.in_sync(); }

  second_level_stats stats() const;

 private:
  template <class T, store_request<T> R>
  task<result<T>> serve(R request);
  template <class T, store_request<T> R>
  task<std::optional<commit_time>> invalidate_by(R request, store_caller::limit within);

  const cache_options& options_;
  commit_clock& clock_;
  l2_status status_;
  store_caller calls_;
  recovery recovery_;
};

}  // namespace strata::detail
