#pragma once
/// Hooks that a cache calls about what it does. A cache without an observer pays a null check.
/// Threads: called from any thread, on the path of the operation, possibly under a lock: be short, and do not
/// call the cache. What a hook throws ends there, and is counted (cache_stats::hook_failures).

#include <strata/error.hpp>
#include <strata/lookup.hpp>
#include <strata/stats.hpp>

#include <cstdint>
#include <string_view>

namespace strata {

/// What an invalidation names.
enum class invalidation_scope : std::uint8_t { key, tag, prefix, pattern, everything };

/// Override what you need; every hook does nothing by default.
class cache_observer {
 public:
  virtual ~cache_observer() = default;
  virtual void on_hit(std::string_view key, const read_info& info) { (void)key, (void)info; }
  virtual void on_miss(std::string_view key, miss_reason why) { (void)key, (void)why; }
  /// A factory's value was stored; `ttl` is its freshness.
  virtual void on_fill(std::string_view key, duration ttl) { (void)key, (void)ttl; }
  /// A writer's value was stored, or that there is none: set, set_many, set_absent, set_committed, or the
  /// commit of a unit of work.
  virtual void on_set(std::string_view key, duration ttl) { (void)key, (void)ttl; }
  /// An operation of this cache removes the key, tag, prefix or pattern `name`, or everything: then `name` is
  /// empty. Memory has removed it; the second level comes next. Not called for removals by other processes.
  virtual void on_remove(invalidation_scope scope, std::string_view name) { (void)scope, (void)name; }
  /// The same for an operation that expires.
  virtual void on_expire(invalidation_scope scope, std::string_view name) { (void)scope, (void)name; }
  /// A value left memory: evicted or expired.
  virtual void on_evict(std::string_view key, miss_reason why) { (void)key, (void)why; }
  /// A stale value was served.
  virtual void on_stale(std::string_view key) { (void)key; }
  /// A factory failed (or threw, or was too slow), or its value is unstorable. `what` is never shown to a
  /// client.
  virtual void on_error(std::string_view key, const error& what) { (void)key, (void)what; }
  /// The state of the second level has changed.
  virtual void on_second_level(second_level_state state) { (void)state; }
};

}  // namespace strata
