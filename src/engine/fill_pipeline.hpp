#pragma once
/// Reading through: how a miss becomes a value, and how the value gets in.
/// Threads: any.
///
/// A miss joins the key's flight. The first caller leads it: L2, factory, commit, landing.
/// The outcomes of a flight, and what its followers do:
///
///   value admitted, or not to be cached   return it
///   value fenced by an invalidation       the leader may return it, because its read started before the
///                                         invalidation. A follower may not, so it retries; on the retry it
///                                         may accept this flight's value
///   failure, exception, too slow          fail-safe serves the standby; else all get the failure
///   leader dropped                        followers retry
///
/// Without timeouts the leader runs the flight in its own task. With them the flight runs in the
/// background; its leader waits like a follower, but returns whatever the flight brings.

#include "engine/factory_runner.hpp"
#include "engine/fail_safe.hpp"
#include "engine/fill_committer.hpp"

#include <memory>

namespace strata::detail {

class fill_pipeline {
 public:
  /// What it works with. Lifetime: all outlive it, and are kept alive by `state.shared()`.
  struct parts {
    engine_state& state;
    first_level& memory;
    read_reporter& reports;
    l2_reader& l2;
    factory_runner& factories;
    fill_committer& commits;
    fail_safe& fallback;
  };
  explicit fill_pipeline(parts with) noexcept : with_(with), state_(with.state) {}

  /// The value of `target`, from a flight of its own or of another caller. `reason`: why memory missed.
  task<any_lookup> fill(any_key target, any_factory factory, miss_reason reason);

  /// The value that `factory` reads from its source from now on, though a fresh one is there; or what another
  /// refresh reads that has not begun to. It replaces what is stored, or clears it if it is not to be stored.
  task<any_lookup> refresh(any_key target, any_factory factory);

  /// Runs `factory` in the background for a hit that was due for a refresh, unless another hit has that
  /// refresh, the key has a flight, or another process is filling it.
  void refresh_behind(const any_key& target, any_factory factory);

 private:
  enum class purpose : std::uint8_t {
    fill,     ///< of a key that missed
    refresh,  ///< its caller waits for a value newer than its call
    renewal,  ///< in the background, before the value's time is over or shortly after
  };

  /// A read on its way to its source. It owns all it needs, since it may outlive its caller.
  struct job {
    key of;
    std::shared_ptr<const policy> rules;
    cache_type type;
    const value_type* value;
    any_factory factory;
    miss_reason reason;
    purpose why = purpose::fill;
    record_ptr stale{};  ///< may be served if the source fails
    commit_time required_asof = 0;
    bool without_l1;
    bool without_l2;

    job(const any_key& target, any_factory factory, miss_reason reason, purpose why);
    any_key target() const { return {of, rules, type, value, required_asof, false, without_l1, without_l2}; }
  };
  struct wait_result {
    any_lookup lookup;
    bool again = false;  ///< join another flight
  };

  task<any_lookup> fill_for(any_key target, any_factory factory, miss_reason reason, purpose why);
  /// Waits for a flight as long as the policy's timeouts allow. `retried`: this follower has joined before.
  task<wait_result> wait_for(const any_key& target, std::shared_ptr<flight> flight, bool leads, bool retried);
  /// Leads `flight` to its end and lands it.
  task<> fly(job& work, fill_admission::joined& flight);
  /// Leads `flight` in the background.
  void launch(std::unique_ptr<job> work, fill_admission::joined flight);
  static task<> fly_behind(std::shared_ptr<engine_state> alive, fill_pipeline& self,
                           std::unique_ptr<job> work, fill_admission::joined flight);
  /// Lets the refresh before this one end, but does not wait for ever.
  task<> wait_for_turn(const job& work, const fill_admission::joined& flight);
  /// Asks L2 until it has a value or grants the lease; lands the flight and returns nothing if it has one, or
  /// if a renewal is left to another process.
  task<std::optional<l2_probe>> probe_l2(job& work, fill_admission::joined& flight);
  /// Waits for `change` of a key that another process is filling. Returns false at `until`, or once changes
  /// are no longer reported to this process.
  task<bool> change_reported(std::shared_ptr<async_latch> change, time_point until);
  task<any_lookup> load_without_flight(job& work);
  /// The failure of `target` that is remembered, as the answer of a read; rethrows it if it was thrown.
  std::optional<any_lookup> known_failure_of(const any_key& target);
  /// The record in memory that may stand in for the value of `work`, or null.
  record_ptr stale_of(const job& work) const;

  const parts with_;
  engine_state& state_;
};

}  // namespace strata::detail
