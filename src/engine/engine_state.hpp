#pragma once
/// What the parts of one engine share: options, clocks, floors, counters, memory, L2 and the admission.
/// Threads: `options` and `owner` are immutable once the engine is open; each other member is internally
/// synchronised.

#include "engine/commit_clock.hpp"
#include "engine/counters.hpp"
#include "engine/deadlines.hpp"
#include "engine/doorkeeper.hpp"
#include "engine/fill_admission.hpp"
#include "engine/floors.hpp"
#include "engine/hooks.hpp"
#include "engine/random_sequence.hpp"
#include "engine/recent_failures.hpp"
#include "engine/recent_miss_reasons.hpp"
#include "engine/second_level.hpp"
#include "engine/uncached_read_fence.hpp"
#include "memory/table.hpp"

#include <strata/cache.hpp>

#include <atomic>
#include <memory>
#include <string>

namespace strata::detail {

struct engine_state {
  /// Throws bad_options that names every problem of `from`.
  explicit engine_state(cache_options from);
  ~engine_state() { lease_renewals->stop(); }
  engine_state(const engine_state&) = delete;
  engine_state& operator=(const engine_state&) = delete;

  bool has_second_level() const noexcept { return static_cast<bool>(l2); }
  time_point now() const noexcept { return options.time->now(); }
  /// Whether a value may be stored in any level.
  bool may_cache(const any_key& target) const noexcept {
    return target.cacheable() && !(target.without_l1 && (target.without_l2 || !has_second_level()));
  }
  /// The same, unless the cache is disabled.
  bool caches(const any_key& target) const noexcept {
    return may_cache(target) && enabled.load(std::memory_order_relaxed);
  }
  /// The key's name in L2.
  std::string l2_key(const key& key) const { return options.name_space + ':' + key.text(); }

  /// This state, kept alive together with its engine: for work in the background.
  std::shared_ptr<engine_state> shared() noexcept { return {owner.lock(), this}; }

  /// Calls a hook of the observer, if there is one.
  template <class... Parameters, class... Arguments>
  void hook(void (cache_observer::*which)(Parameters...), const Arguments&... arguments) noexcept {
    call_hook(options.observer.get(), counters, which, arguments...);
  }

  /// Reports a value that is returned, but stored nowhere because of `why`.
  void note_unstorable(const any_key& target, const error& why);

  const cache_options options;
  commit_clock clock;
  floor_table floors;
  detail::counters counters;
  second_level l2;
  const std::shared_ptr<deadlines> lease_renewals;  ///< when held leases are due to be renewed
  fill_admission admission;
  recent_miss_reasons miss_reasons;
  recent_failures failures{floors};
  doorkeeper doors;
  uncached_read_fence uncached_reads;
  random_sequence random;
  std::atomic<bool> enabled;  ///< cache::enable, disable
  memory::table memory;
  std::weak_ptr<void> owner;  ///< the engine; set before the first operation
};

/// Throws bad_options if `memory` is below the minimum of 64 KiB.
void check_memory(byte_size memory);

}  // namespace strata::detail
