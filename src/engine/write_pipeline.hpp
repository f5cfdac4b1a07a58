#pragma once
/// Writes: values that the caller knows, rather than a factory.
/// Threads: any.
///
/// A writer first takes its right (`begin`): a ticket of the admission and the lease of L2. Then it has a
/// value and stores it (`finish`). Whatever was invalidated in between takes the value along.
///
/// A write that does not come to its end, because its task was destroyed or its value cannot be encoded, may
/// have happened all the same. So its keys are removed then.

#include "engine/fill_lease.hpp"
#include "engine/invalidator.hpp"
#include "engine/record_builder.hpp"

#include <optional>
#include <span>
#include <vector>

namespace strata::detail {

/// A writer's right to store a value under one key.
struct write_right {
  fill_admission::ticket ticket;
  commit_time began = 0;       ///< the value is stored as of this time
  time_point known_since{};    ///< the value was not known before
  commit_time known_asof = 0;  ///< an invalidation after this takes the value along
  fill_lease lease;
  bool overtaken = false;  ///< another process has changed the key since the value was known
};

class write_pipeline {
 public:
  /// Lifetime: all outlive it.
  write_pipeline(engine_state& state, first_level& memory, record_builder& records,
                 invalidator& invalidations) noexcept
      : state_(state), memory_(memory), records_(records), invalidations_(invalidations) {}

  /// For a writer that reads or writes its value once it has the right.
  task<write_right> begin(key key) { return begin(std::move(key), false); }
  /// `begin` for each of `keys`, with one L2 call.
  task<std::vector<write_right>> begin_many(std::vector<key> keys) {
    return begin_many(std::move(keys), false);
  }
  /// Returns whether the value was stored.
  task<bool> finish(write_right right, any_key target, any_value value);
  /// `finish` for each of `rights`, with one L2 call to store all values. Lifetime: `targets` outlive the
  /// task.
  task<std::vector<bool>> finish_many(std::vector<write_right> rights, std::span<const any_key> targets,
                                      std::vector<any_value> values);
  /// Stores a value that is known. Returns whether it was stored. Lifetime: `target` outlives the task.
  task<bool> set(any_key target, any_value value);
  /// Writes of values that are known, with one L2 call for each step. Returns how many were stored.
  /// Lifetime: `keys` outlive the task.
  task<std::size_t> set_many(std::span<const any_key> keys, std::vector<any_value> values);
  /// A ttl over policy::max_ttl counts as that.
  task<bool> touch(key key, duration ttl);

 private:
  /// Removes the keys of a write, unless it has ended. Lifetime: `of` outlives it.
  class unfinished {
   public:
    unfinished(invalidator& by, std::span<const any_key> of) noexcept : by_(by), of_(of) {}
    unfinished(const unfinished&) = delete;
    unfinished& operator=(const unfinished&) = delete;
    ~unfinished();
    void ended() noexcept { of_ = {}; }

   private:
    invalidator& by_;
    std::span<const any_key> of_;
  };

  /// A write on its way in.
  struct pending_write {
    write_right right;
    any_key target;
    time_point started{};
    commit_time floor = 0;  ///< everything read before the write is below it
    record_ptr entry{};
    bool wanted = false;   ///< may be kept at all
    bool refused = false;  ///< by a rule, rather than by an invalidation
    bool too_large = false;
    bool withheld = false;                        ///< may be kept, but must not leave this process
    std::optional<second_level::entry> for_l2{};  ///< what L2 is to store
    bool in_l2 = false;
  };
  /// `value_known`: the caller has its value already.
  task<write_right> begin(key key, bool value_known);
  task<std::vector<write_right>> begin_many(std::vector<key> keys, bool value_known);
  write_right enter(const key& key);
  void take_lease(write_right& right, const key& key, const result<lease_grant>& lease, bool value_known);
  pending_write prepare(write_right right, const any_key& target, any_value value);
  static void note_l2(pending_write& write, const result<fill_result>& filled);
  task<bool> commit(pending_write write);
  /// Removes the key from L2, which does not hold the written value. Returns the floor.
  task<commit_time> drop_in_l2(const key& key, commit_time floor);

  engine_state& state_;
  first_level& memory_;
  record_builder& records_;
  invalidator& invalidations_;
};

}  // namespace strata::detail
