#pragma once
/// What one invalidation makes out of date, and what came of it (`cache::invalidate`).
/// Threads: plain values.

#include <strata/key.hpp>
#include <strata/time.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace strata {

/// A set of cached values, named by keys, prefixes and tags.
///
///   strata::invalidation change{.keys = {agents("agt_1").key}, .prefixes = {"api:agents:list:org_1"}};
///   auto done = co_await cache.invalidate(std::move(change));
struct invalidation {
  std::vector<key> keys = {};
  std::vector<std::string> prefixes = {};  ///< keys that are one, or continue it at a `:`; `a:` is `a`
  std::vector<std::string> tags = {};      ///< every value that carries one of them
  bool everything = false;                 ///< the rest need not be named then
  /// The values expire instead of being removed: the next read fills anew, and until then they serve as
  /// stale.
  bool soft = false;

  bool empty() const noexcept { return !everything && keys.empty() && prefixes.empty() && tags.empty(); }
};

/// Cached values of one type (`cache_type`).
struct value_count {
  std::string type;
  std::uint64_t values = 0;
  byte_size size;
};

/// The outcome of an invalidation.
struct invalidation_result {
  /// On the cache's commit clock: every value that an invalidated key gets from now on is as of this or
  /// later.
  commit_time floor = 0;
  /// L2 has confirmed it, or there is none. False: it holds in this process, and is kept for L2.
  bool delivered = true;
};

}  // namespace strata
