#pragma once
/// Applies what changed rows invalidate to a store, or to the cache of this process.
/// Threads: free functions; callable from any thread.

#include <strata/cache.hpp>
#include <strata/error.hpp>
#include <strata/invalidation.hpp>
#include <strata/store.hpp>
#include <strata/task.hpp>

#include <cstdint>
#include <string>

namespace strata::relay_detail {

struct applied_counts {
  std::uint64_t keys = 0;
  std::uint64_t floors = 0;
};

/// Each key, prefix and tag is applied once; everything costs one floor. May be repeated.
/// Errors: as store::apply; part of it may have been applied.
/// Lifetime: `to` outlives the task.
task<result<applied_counts>> apply_to(store& to, std::string name_space, invalidation what);
task<applied_counts> apply_to(cache& to, invalidation what);

}  // namespace strata::relay_detail
