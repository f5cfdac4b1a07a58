#pragma once
/// Commits what a factory returned: to L2 under its lease, then through the admission to memory.
/// Threads: any.

#include "engine/factory_runner.hpp"
#include "engine/invalidator.hpp"
#include "engine/l2_reader.hpp"

#include <optional>

namespace strata::detail {

/// What is to become of an older value than the one that a factory returned.
enum class older_value : std::uint8_t { stays, expires, goes };

/// What became of a factory's value.
struct fill_outcome {
  bool stored = false;
  bool usable = false;  ///< nothing was invalidated since it was read: followers may return it
  miss_reason reason = miss_reason::none;  ///< why it was not stored
  older_value in_l2 = older_value::stays;
};

/// A factory's value on its way in.
struct pending_fill {
  factory_result value;
  fill_outcome outcome{};
  std::optional<second_level::entry> for_l2{};  ///< what L2 is to store
  bool refused = false;                         ///< by L2
  bool older = false;                           ///< than what L2 has
  bool unwanted = false;                        ///< by the policy or the factory: it is stored nowhere
  bool clears_l2 = false;                       ///< it is for memory only, and L2 has an older one
};

class fill_committer {
 public:
  /// Lifetime: all of them outlive it.
  fill_committer(engine_state& state, first_level& memory, record_builder& records,
                 invalidator& invalidations) noexcept
      : state_(state), memory_(memory), records_(records), invalidations_(invalidations) {}

  /// All four steps below for one key; with cache_options::fill_l2_behind, L2's in the background. Lifetime:
  /// the arguments outlive the task.
  task<fill_outcome> commit(const any_key& target, const fill_admission::ticket& held, factory_result value,
                            l2_probe& probe);

  /// The source has refused every old value (fill_settings::refuse_stale): removes it from memory and L2.
  /// Lifetime: the arguments outlive the task.
  task<> remove_refused(const any_key& target, const fill_admission::ticket& held, const failed_run& failed,
                        const l2_probe& probe);

  /// Decides whether the value is stored, and encodes it for L2.
  pending_fill begin(const any_key& target, factory_result value, const l2_probe& probe);
  /// Removes an older value from L2, which is not to have this one. Lifetime: the arguments outlive the task.
  task<> make_way(const any_key& target, pending_fill& fill);
  /// Notes what L2 did with it.
  void note_l2(const any_key& target, pending_fill& fill, l2_probe& probe, const result<fill_result>& filled);
  /// Admits it to memory. If it is not to be stored, an older value in memory is no longer fresh, and gone if
  /// the source has none.
  fill_outcome finish(const any_key& target, const fill_admission::ticket& held, pending_fill fill,
                      const l2_probe& probe);
  /// The same in L2, as `finish` has decided. Lifetime: `target` outlives the task.
  task<> clear_l2(const any_key& target, const fill_outcome& outcome);

 private:
  /// A value that is in memory while L2 is being asked to store it.
  struct behind {
    std::shared_ptr<engine_state> state;
    key of;
    record_ptr entry;
    fill_lease lease;
    second_level::entry for_l2;
  };
  /// Has L2 store it. If it does not, memory loses it, too.
  static task<> fill_behind(behind what);
  void note_too_large(const any_key& target);
  /// The value is returned, and stored nowhere.
  void refuse(const any_key& target, pending_fill& fill, const error& why);

  engine_state& state_;
  first_level& memory_;
  record_builder& records_;
  invalidator& invalidations_;
};

}  // namespace strata::detail
