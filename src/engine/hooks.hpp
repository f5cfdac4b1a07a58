#pragma once
/// Calls the hooks of a cache's observer. What a hook throws ends there, and is counted.
/// Threads: any.

#include "engine/counters.hpp"

#include <strata/observer.hpp>

namespace strata::detail {

/// Calls `hook` of `observer`, which may be null.
template <class... Parameters, class... Arguments>
void call_hook(cache_observer* observer, counters& counts, void (cache_observer::*hook)(Parameters...),
               const Arguments&... arguments) noexcept {
  if (observer == nullptr) return;
  try {
    (observer->*hook)(arguments...);
  } catch (...) {
    counts.hook_failed();
  }
}

}  // namespace strata::detail
