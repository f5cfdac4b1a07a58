#pragma once
/// Brings this process and the store back in sync, and keeps what that takes: the invalidations that could
/// not be delivered, and the recent ones that a restarted server may have forgotten. Threads: internally
/// locked.
///
/// A recovery
///   1. restores the floors we know, if the server may have forgotten them,
///   2. delivers the invalidations that were kept,
///   3. loads the floors that others have raised.
/// It starts with a read of L2, with a loss of changes, or by a timer. If a store that sends us changes
/// cannot be given an invalidation (no server of the cluster serves its slot, say), it would keep us out of
/// sync, and all others would keep old values. After a while everything is cleared instead.

#include "core/mutex.hpp"
#include "engine/backlog.hpp"
#include "engine/commit_clock.hpp"
#include "engine/floors.hpp"
#include "engine/recent_invalidations.hpp"
#include "engine/store_caller.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace strata::detail {

class recovery {
 public:
  /// What it works with. Lifetime: all outlive it.
  struct surroundings {
    const cache_options& options;
    commit_clock& clock;
    floor_table& floors;
    l2_status& status;
    store_caller& calls;
  };
  explicit recovery(surroundings with);

  /// Starts the first recovery. `owner` keeps this and the surroundings alive.
  void open(std::weak_ptr<void> owner);

  /// Waits until both sides are in sync, at most for the l2_timeout. Returns whether they are.
  task<bool> sync();

  /// Remembers invalidations, delivered or not: a server that goes back in time has to receive them again.
  void remember(invalidation_kind kind, const std::vector<std::string>& names);
  /// Keeps invalidations that may not have been delivered. Both sides are out of sync from now on.
  void keep(invalidation_kind kind, const std::vector<std::string>& names, commit_time floor);
  void keep(const std::vector<floor_entry>& floors);

  /// Changes of others were missed; the server may also have forgotten our invalidations.
  void lost(bool may_have_forgotten);

  /// The store answers again after a silence: a recovery that is due later may begin at once.
  void store_answers();

  void collect(second_level_stats& out) const;

 private:
  /// What one round of a recovery has to deliver.
  struct round {
    backlog::load load;
    bool restore = false;
    std::uint64_t losses = 0;

    std::size_t size() const noexcept { return load.size() + (load.everything ? 1 : 0); }
  };
  enum class progress { in_sync, another_round, failed };

  /// The running recovery, or one that starts now; null: it is too early for another.
  std::shared_ptr<async_latch> start_now();
  task<bool> recover();
  round next_round();
  progress end_round(round done, bool delivered);
  void note_failure() STRATA_REQUIRES(mutex_);
  void end(bool done);
  void try_later();
  void start_behind();

  task<bool> deliver(bool restore, backlog::load& load);
  task<bool> deliver_names(std::vector<std::string>& names, invalidation_kind kind, commit_time at_least);
  task<bool> deliver_patterns(std::vector<std::string>& patterns, commit_time at_least);
  task<bool> deliver_floors(std::vector<floor_entry>& floors);
  task<bool> restore_floors();
  task<bool> load_floors();
  void apply(floor_entry floor) noexcept;

  time_point now() const noexcept { return with_.options.time->now(); }

  const surroundings with_;
  std::weak_ptr<void> owner_;

  mutable mutex mutex_;
  backlog backlog_ STRATA_GUARDED_BY(mutex_);
  recent_invalidations recent_ STRATA_GUARDED_BY(mutex_);
  bool restore_due_ STRATA_GUARDED_BY(mutex_) = false;
  std::shared_ptr<async_latch> running_ STRATA_GUARDED_BY(mutex_);  ///< null: no recovery runs
  std::size_t delivering_ STRATA_GUARDED_BY(mutex_) = 0;            ///< taken out of the backlog
  /// Since when recoveries have failed against a store that still sends us changes.
  std::optional<time_point> failing_since_ STRATA_GUARDED_BY(mutex_);
  std::uint64_t given_up_ STRATA_GUARDED_BY(mutex_) = 0;  ///< how often that took too long
  time_point not_before_ STRATA_GUARDED_BY(mutex_){};     ///< of the next recovery, except after a loss
  bool timer_set_ STRATA_GUARDED_BY(mutex_) = false;
  duration patience_ STRATA_GUARDED_BY(mutex_){};
  std::uint64_t delivered_ STRATA_GUARDED_BY(mutex_) = 0;
};

}  // namespace strata::detail
