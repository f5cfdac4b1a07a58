#pragma once
/// Reports how reads end: makes the lookup for the caller, counts it, and notifies the observer.
/// Threads: any.

#include "engine/engine_state.hpp"

#include <algorithm>

namespace strata::detail {

class read_reporter {
 public:
  /// Lifetime: `state` outlives it.
  explicit read_reporter(engine_state& state) noexcept : state_(state) {}

  /// `entry`, found in `from`, answers the read.
  any_lookup hit(const any_key& target, record_ptr entry, layer from, time_point at) noexcept {
    auto& counters = state_.counters;
    counters.count(target.type, from == layer::l1 ? &type_cells::l1_hits : &type_cells::l2_hits);
    if (entry->value == nullptr) counters.count(target.type, &type_cells::negative_hits);
    any_lookup found;
    found.info.from = from;
    found.info.stored = true;
    found.info.ttl = std::max(entry->fresh_until - at, duration::zero());
    found.info.asof = entry->asof;
    found.info.stale = entry->throttled || at >= entry->fresh_until;
    const void* value = entry->value.get();
    if (value != nullptr) found.value = any_value(std::move(entry), value);
    state_.hook(&cache_observer::on_hit, target.key.text(), found.info);
    return found;
  }

  /// The read ends without a value. Returns `missed`.
  any_lookup missed(const any_key& target, any_lookup missed) noexcept;

  /// The outcome of `led`, for its leader or a follower. Rethrows what its factory threw.
  any_lookup follow(const any_key& target, const flight& led, bool leads);

  void count_miss(const any_key& target, miss_reason why) noexcept;
  void count_stale(const any_key& target) noexcept;
  void factory_failed(const any_key& target, const error& failure);

  /// `entry` as a lookup with `info`; neither counted nor reported.
  static any_lookup lookup_of(const record_ptr& entry, read_info info, time_point at);
  static any_lookup failed(error failure, miss_reason reason);

 private:
  engine_state& state_;
};

}  // namespace strata::detail
