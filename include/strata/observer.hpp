#pragma once
/// Hooks that a cache calls about what it does. A cache without an observer pays a null check.
/// Threads: called from any thread, on the path of the operation: be short, do not throw, and do not
/// call the cache.

#include <strata/error.hpp>
#include <strata/lookup.hpp>
#include <strata/stats.hpp>

#include <string_view>

namespace strata {

/// Override what you need; every hook does nothing by default.
class cache_observer {
 public:
  virtual ~cache_observer() = default;
  virtual void on_hit(std::string_view key, const read_info& info) { (void)key, (void)info; }
  virtual void on_miss(std::string_view key, miss_reason why) { (void)key, (void)why; }
  /// A value entered; `ttl` is its freshness.
  virtual void on_fill(std::string_view key, duration ttl) { (void)key, (void)ttl; }
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
