#pragma once
/// Telling a store, or the cache of this process, what changes make invalid.
/// Threads: free functions; callable from any thread.

#include "relay/rule_patterns.hpp"

#include <strata/cache.hpp>
#include <strata/error.hpp>
#include <strata/store.hpp>
#include <strata/task.hpp>

#include <cstdint>
#include <string>

namespace strata::relaying {

/// What was told.
struct applied {
  std::uint64_t keys = 0;
  std::uint64_t floors = 0;
};

/// Everything at once costs one floor. Done twice it does no harm.
/// Errors: as store::invalidate; some of it may have been told then.
/// Lifetime: `to` and `what` outlive the task.
task<result<applied>> apply_to(store& to, const std::string& name_space, const removals& what);
task<applied> apply_to(cache& to, const removals& what);

}  // namespace strata::relaying
