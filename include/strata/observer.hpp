#pragma once
/// Hooks: being told what a cache does. Without one, they cost a null check.
/// Threads: called from any thread, on the path of the operation: be short, do not throw, do not
/// call the cache.

#include <strata/error.hpp>
#include <strata/lookup.hpp>
#include <strata/stats.hpp>

#include <string_view>

namespace strata {

/// Is notified of what a cache does; override what you need.
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
  /// A factory failed (or threw, or was too slow). `what` is never shown to a client.
  virtual void on_error(std::string_view key, const error& what) { (void)key, (void)what; }
  /// The second level is used otherwise than it was.
  virtual void on_second_level(second_level_state is) { (void)is; }
};

}  // namespace strata
