#pragma once
/// Removes and expires: first in memory, then in L2, then once more in memory what a read brought from L2 in
/// between. Also applies the changes that the store reports.
/// Threads: any.
///
/// If L2 cannot be reached, second_level keeps the invalidation for later and serves nothing before it is
/// delivered. A read of L2 that is already under way may still bring a value whose asof says nothing, since
/// our clock has not seen L2's: so the tickets of such reads are voided, whatever the floor.
///
/// An invalidation whose task is destroyed goes on to its end: L2's call does not stop, and its end applies
/// the last step on the thread that reports it.

#include "engine/first_level.hpp"

#include <atomic>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace strata::detail {

class invalidator final : public store_observer {
 public:
  /// Lifetime: both outlive it.
  invalidator(engine_state& state, first_level& memory) noexcept : state_(state), memory_(memory) {}

  task<invalidation_result> invalidate(invalidation what);
  task<invalidation_result> remove_matching(std::string glob);
  /// Invalidates in the background: a write was given up, and may have happened.
  void invalidate_behind(invalidation what);

  /// Removes `key` from memory if it is older than `floor`, and fences fills under way.
  void forget(const key& key, commit_time floor, miss_reason why);
  /// L2 could not be reached for an invalidation of `key`: voids the reads of L2 that are under way for it.
  void forget_undelivered(const key& key);

  /// Removes `key` from L2, or expires it there, and then what a read may have brought from there meanwhile.
  task<> drop_in_l2(key key, bool soft);

  // From the store.
  void changed(std::string_view l2_key) override;
  void replaced(std::string_view l2_key) override;
  void floor_raised(floor_entry floor) override;
  void lost(bool may_have_forgotten) override;
  void trust_until(time_point until, time_point source_watermark) noexcept override;

 private:
  /// A floor above whatever is in memory: for an invalidation whose time is unknown.
  static constexpr commit_time any_asof = last_commit_time;

  /// The key that L2 calls `l2_key`; nothing if it is not ours.
  std::optional<std::string_view> own_key(std::string_view l2_key) const;
  /// What remains to do once L2 has been asked. Done once: by the task, or for it if it was destroyed.
  struct last_step {
    invalidation what;
    std::vector<floor_entry> floors;
    std::string glob;
    std::atomic<bool> done = false;
  };
  /// `delivered`: the floor of L2, or nothing if the invalidation is kept for later. Returns the floor.
  commit_time finish(last_step& rest, std::optional<commit_time> delivered);

  /// Calls the hooks for each name of `what`.
  void report(const invalidation& what) noexcept;
  void erase_everything(commit_time floor);
  void make_stale(const key& key, commit_time floor, commit_time older_than);
  void forget_matching(const std::string& glob, commit_time floor);

  engine_state& state_;
  first_level& memory_;
};

}  // namespace strata::detail
