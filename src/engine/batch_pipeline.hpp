#pragma once
/// Many keys at once: one L2 round trip, and one factory call for all that missed.
/// Threads: any.
///
/// A batch first leads the flights it can (those of keys without one), completes them all, and only then
/// follows those of other callers. So two batches that overlap never wait for each other. A batch does not
/// refresh in the background: a value that is due for a refresh is served, and the refresh is left to a
/// single read. If the factory fails, stale values stand in under fail-safe. What it throws becomes the
/// failure of each key that has no value; it is rethrown only if no key has one.

#include "engine/factory_runner.hpp"
#include "engine/fail_safe.hpp"
#include "engine/fill_committer.hpp"

#include <span>
#include <vector>

namespace strata::detail {

class batch_pipeline {
 public:
  /// What it works with. Lifetime: all outlive it.
  struct parts {
    engine_state& state;
    first_level& memory;
    read_reporter& reports;
    l2_reader& l2;
    factory_runner& factories;
    fill_committer& commits;
    fail_safe& fallback;
  };
  explicit batch_pipeline(parts with) noexcept : with_(with), state_(with.state) {}

  /// The values of `keys`, in their order. Throws what the factory throws if none of them was answered.
  /// Lifetime: `keys` outlive the task.
  task<std::vector<any_lookup>> fill_many(std::span<const any_key> keys, any_batch_factory factory);

 private:
  struct led {
    std::size_t index;
    fill_admission::joined flight;
    l2_probe probe{};
  };
  struct followed {
    std::size_t index;
    std::shared_ptr<flight> to;
  };
  struct batch {
    std::span<const any_key> keys;
    time_point began{};
    std::vector<any_lookup> out;
    std::vector<led> leads;
    std::vector<followed> follows;
    std::vector<std::size_t> alone;    ///< loaded without a flight
    std::vector<std::size_t> missing;  ///< asked of the factory: `alone`, then `fills`
    std::vector<led*> fills;
    std::exception_ptr thrown;  ///< the first exception of a factory
  };

  /// Takes what L2 has for the led flights, and lands those.
  task<> probe_l2(batch& work);
  /// Completes `leads` and `alone`.
  task<> complete(batch& work, any_batch_factory& factory);
  /// Stores what the factory returned, and lands its flights.
  task<> settle(batch& work, std::vector<factory_result> values);
  /// The factory failed, and threw `thrown` unless that is null.
  task<> fail_all(batch& work, std::shared_ptr<const error> failure, std::exception_ptr thrown,
                  failed_run failed);
  /// Whether the failure of this key is remembered; it is the answer then.
  bool known_failure_of(batch& work, std::size_t index);
  /// What another caller's flight brought for the key with this index.
  void take(batch& work, std::size_t index, const flight& landed);
  /// Waits for the flights of other callers; what cannot be taken from them becomes `alone`.
  task<> follow(batch& work);

  const parts with_;
  engine_state& state_;
};

}  // namespace strata::detail
