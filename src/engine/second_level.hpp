#pragma once
/// The store as the engine sees it: each call with a deadline, behind a circuit breaker, and with the
/// promise that no invalidation is lost.
/// Threads: internally locked.
///
/// It *serves* (reads, leases, fills) only while it is in step: while there is nothing that the store
/// has to be told, and nothing that we have to be told by it. It falls out of step when an invalidation
/// could not be delivered or nobody knows whether it was, and when the store says that changes were
/// missed. Then, before anything is served again, a *recovery*
///   1. restores the floors we know, if the server may have forgotten them,
///   2. delivers the invalidations that were kept,
///   3. loads the floors that others have raised.
/// What a store that we hear of all the time still cannot be told (nobody serves a slot of its cluster) would
/// keep us out of step, and old values with everybody else: after a while all is cleared instead.
/// Out of step a read is told that the second level is down; the first one begins the recovery, and so
/// do `lost` and a timer. Invalidations are tried all the same: others may be in step.
///
/// Two rules make this safe. An invalidation that failed is kept before its caller hears of it, so what
/// is read after it returned finds us out of step. And the store calls `lost` before it gives an answer
/// of a new connection, so an answer is dropped if `lost` was called since its question.

#include "engine/backlog.hpp"
#include "engine/breaker.hpp"
#include "engine/commit_clock.hpp"
#include "engine/counters.hpp"
#include "engine/deadlines.hpp"
#include "engine/floors.hpp"
#include "engine/recent.hpp"

#include <strata/cache.hpp>

#include <atomic>
#include <limits>
#include <memory>
#include <mutex>
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
    counters& counted;
    floor_table& floors;
  };
  explicit second_level(surroundings with);

  explicit operator bool() const noexcept { return options_.second_level != nullptr; }

  /// Begins to work, and to be told of changes. `owner` keeps this, the surroundings and `told` alive.
  void open(std::shared_ptr<void> owner, store_observer& told);
  void close(store_observer& told) noexcept;

  // What is served. Errors: store_unavailable, also while out of step; timeout.
  task<result<std::optional<stored_value>>> get(std::string name);
  task<result<std::vector<std::optional<stored_value>>>> get_many(std::vector<std::string> names);
  task<result<acquire_result>> acquire(std::string name);
  task<result<std::vector<acquire_result>>> acquire_many(std::vector<std::string> names);
  task<result<lease_grant>> take_lease(std::string name);
  task<result<lease_grant>> force_lease(std::string name);
  task<result<std::vector<lease_grant>>> force_lease_many(std::vector<std::string> names);
  struct filling {
    std::string name;
    lease_token lease = 0;
    commit_time asof = 0;
    std::string bytes;
    time_point until{};  ///< the end of its life
  };
  task<result<fill_result>> fill(filling value);
  task<result<std::vector<fill_result>>> fill_many(std::vector<filling> values);
  task<result<bool>> touch(std::string name, duration ttl);
  task<result<void>> release(std::string name, lease_token lease);

  // What is told. `floor` is the caller's; returned is the store's, or nothing if it is kept for later.
  task<std::optional<commit_time>> invalidate(std::vector<std::string> names, commit_time floor);
  task<std::optional<commit_time>> expire(std::vector<std::string> names, commit_time floor);
  task<std::optional<commit_time>> invalidate_matching(std::string glob, commit_time floor);
  task<std::optional<commit_time>> raise(std::vector<floor_entry> floors);
  /// Remembers that `name` was written: a server that goes back has to forget its older value.
  void note_written(const std::string& name) { note(told_kind::removed, {name}); }

  // What the store says.
  void lost(bool may_have_forgotten);
  void trust_until(time_point until, time_point source_watermark) noexcept {
    trusted_until_.store(until.time_since_epoch().count(), std::memory_order_release);
    source_watermark_.store(source_watermark.time_since_epoch().count(), std::memory_order_release);
  }

  /// Until when copies can be trusted. Cost: one load.
  time_point trusted_until() const noexcept {
    return time_point(duration(trusted_until_.load(std::memory_order_acquire)));
  }

  /// All that was committed to the source before this moment has been told; time_point::min() if nobody
  /// says so. To be asked before `trust_until`. Cost: one load.
  time_point source_watermark() const noexcept {
    return time_point(duration(source_watermark_.load(std::memory_order_acquire)));
  }

  /// True while there is nothing that the store has to be told. Cost: one load.
  bool told_all() const noexcept { return in_step_.load(); }

  second_level_stats stats() const;

 private:
  template <class T, class Begin>
  struct work;
  struct releasing;
  struct telling;
  struct telling_keys;
  struct telling_pattern;

  template <class T, class Begin>
  task<result<T>> call(Begin begin, std::shared_ptr<deadlines> limit);
  template <class T, class Begin>
  task<result<T>> serve(Begin begin);
  template <class T, class Begin>
  task<std::optional<commit_time>> tell(Begin begin, std::shared_ptr<deadlines> limit);

  task<bool> in_step();
  /// The recovery that runs, or one that begins now; null: it is too early for another.
  std::shared_ptr<async_latch> recovery();
  task<bool> recover();
  /// What there is to tell, and how: it is then being delivered.
  struct recovery_step;
  recovery_step next_step();
  /// Nothing could be delivered, though perhaps the store is there.
  void note_failed_recovery();
  task<bool> deliver(bool restore, backlog::load& load);
  task<bool> deliver_names(std::vector<std::string>& names, told_kind kind, commit_time at_least);
  task<bool> deliver_floors(std::vector<floor_entry>& floors);
  task<bool> restore_floors();
  task<bool> load_floors();
  void end_recovery(bool done);
  void try_later();
  void recover_behind();

  std::optional<breaker::pass> enter();
  void ended(breaker::pass pass, bool answered, bool timed_out);
  void note(told_kind kind, const std::vector<std::string>& names);
  void keep(const telling& what);
  void keep(const std::vector<floor_entry>& floors);
  void hear(floor_entry floor) noexcept;
  second_level_state state_locked() const;
  /// Tells the observer, if the state is another than it was told last.
  void tell_state();

  time_point now() const noexcept { return options_.time->now(); }

  const cache_options& options_;
  commit_clock& clock_;
  counters& counters_;
  floor_table& floors_;
  std::shared_ptr<deadlines> calls_;
  std::shared_ptr<deadlines> walks_;  ///< of calls that look at all there is
  std::weak_ptr<void> owner_;

  std::atomic<duration::rep> trusted_until_;
  std::atomic<duration::rep> source_watermark_ = std::numeric_limits<duration::rep>::min();
  std::atomic<bool> in_step_;
  std::atomic<std::uint64_t> generation_ = 0;  ///< how often changes were missed

  mutable std::mutex mutex_;
  breaker breaker_;
  backlog backlog_;
  recent_invalidations recent_;
  bool restore_due_ = false;
  std::shared_ptr<async_latch> recovering_;  ///< null: no recovery runs
  std::size_t delivering_ = 0;               ///< taken out of the backlog by the recovery
  std::optional<time_point> untold_;         ///< since when recoveries fail, of a store that we hear
  std::uint64_t given_up_ = 0;               ///< how often that took too long
  time_point not_before_{};                  ///< of the next recovery, but for `lost`
  bool timer_set_ = false;
  duration patience_{};
  second_level_state told_state_ = second_level_state::recovering;
  std::uint64_t timeouts_ = 0;
  std::uint64_t delivered_ = 0;
  std::uint64_t losses_ = 0;
};

}  // namespace strata::detail
