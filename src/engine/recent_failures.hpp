#pragma once
/// The latest failures of sources, for policies with a `failure_ttl`: a read of such a key gets the same
/// failure at once.
/// Threads: internally locked, in shards by key.
///
/// A failure is no value: it takes no room in memory's budget, and no floor of a tag or prefix is looked up
/// on a hit for it. An invalidation that reaches the key ends it, as does a value that is stored.

#include "core/mutex.hpp"
#include "core/text_hash.hpp"
#include "engine/record.hpp"

#include <strata/error.hpp>
#include <strata/policy.hpp>

#include <array>
#include <exception>
#include <memory>
#include <optional>
#include <string>

namespace strata::detail {

/// A failure, and until when readers get it.
struct known_failure {
  std::shared_ptr<const error> what;
  std::exception_ptr thrown;  ///< null if the source returned the error
  time_point until{};
};

class recent_failures {
 public:
  /// Lifetime: `floors` outlives it.
  explicit recent_failures(const floor_table& floors) noexcept : floors_(floors) {}

  /// The source of `target`, asked as of `asof`, failed. If too many failures of other keys are remembered,
  /// this one is not.
  void note(const any_key& target, known_failure failure, commit_time asof, time_point now);

  /// The failure that is remembered for `key`, if any. Cost: a lock; O(1) with none remembered.
  std::optional<known_failure> find(const key& key, time_point now);

  void forget(std::string_view key) noexcept;
  void clear() noexcept;

 private:
  struct entry {
    known_failure failure;
    commit_time asof;
    floor_set floors;
  };
  struct shard {
    detail::mutex mutex;
    text_map<std::string, entry> entries STRATA_GUARDED_BY(mutex);
  };
  static constexpr std::size_t most_in_shard = 64;

  bool over(const entry& one, time_point now) const noexcept;
  shard& shard_of(std::string_view key) noexcept { return shards_[hash_of(key) >> 58]; }

  const floor_table& floors_;
  std::array<shard, 64> shards_;
  std::atomic<std::size_t> count_ = 0;
};

}  // namespace strata::detail
