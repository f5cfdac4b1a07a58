#pragma once
/// The memory cache (L1): values by key within a byte budget that is never exceeded.
/// Threads: `table` is internally locked, a lock per shard; every member may be called from any
/// thread. A hit takes no lock, unless the policy orders by use: see `view`.
///
/// Everything is charged: key, value, node, index, timers and the memory of evicted keys. An entry past
/// its `drop_at` is never returned. Later writes and `sweep` take its memory back, and that of a value
/// that was replaced, evicted or erased, once no reader can be at it. Until then it is charged. A
/// value's destructor runs outside every lock.

#include <strata/time.hpp>

#include "core/function_ref.hpp"
#include "memory/eviction.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

namespace strata::memory {

/// Why an entry is gone.
enum class gone : std::uint8_t { evicted, expired, replaced, erased, cleared };

/// How `insert_if` ended.
enum class inserted : std::uint8_t {
  stored,
  refused,    ///< by the predicate; the old value stays
  too_large,  ///< for the budget, or past its drop_at already; the old value is gone
};

struct item {
  std::shared_ptr<const void> value;
  std::size_t bytes = 0;  ///< of the value, its control block included; the table adds its own
  time_point drop_at = time_point::max();  ///< never served from then on; max: no end
};

struct table_options {
  byte_size budget;
  /// How many objects the budget is expected to hold; 0: estimated from the budget.
  std::size_t expected_objects = 0;
  /// A size that values hardly ever exceed. Larger ones are stored if the budget allows.
  byte_size largest{1u << 20};
  /// How many locks; 0: chosen so that a shard is large enough to evict well. Else a power of two.
  unsigned shards = 0;
  /// Called for each entry that was evicted or expired, and for no other, under the shard's lock. It
  /// must be short, must not throw and must not call the table.
  std::function<void(std::string_view key, std::uint64_t hash, gone why)> on_gone;
  /// Chooses the entry to evict.
  make_policy policy = make_s3_camp;
  /// What the policy maximizes, if it can choose.
  eviction_objective wanted = eviction_objective::objects;
};

struct table_stats {
  std::uint64_t entries = 0;
  std::uint64_t bytes = 0;  ///< used, all counted
  std::uint64_t budget = 0;
  std::uint64_t evictions = 0;
  std::uint64_t expirations = 0;
  std::uint64_t rejected = 0;  ///< too large, or past their time when they came
  unsigned shards = 0;
};

class table {
 public:
  using value = std::shared_ptr<const void>;

  /// Throws bad_options if `shards` is neither 0 nor a power of two up to 256.
  explicit table(table_options options);
  ~table();
  table(const table&) = delete;
  table& operator=(const table&) = delete;

  /// The value of `key`, or null: not there, or `now` is not before its drop_at. Counts as a use.
  /// Requires: here and below, `hash` is hash_of(key).
  /// Cost: O(1), no lock, no allocation.
  value find(std::uint64_t hash, std::string_view key, time_point now) noexcept;

  /// As find; not a use.
  value peek(std::uint64_t hash, std::string_view key, time_point now) const noexcept;

  /// Stores `what` under `key`, replacing the old value and evicting as needed.
  /// Returns false if it is too large for the budget or past its drop_at; an older value under
  /// `key` is then gone too.
  /// Cost: O(1) amortized; expires a bounded number of other entries.
  bool insert(std::uint64_t hash, std::string_view key, item what, time_point now);

  /// As insert, if `wanted` returns true. It gets the current value (null: none, or past its drop_at) and
  /// runs under the shard's lock: it must be short and must not call the table.
  inserted insert_if(std::uint64_t hash, std::string_view key, item what, time_point now,
                     function_ref<bool(const void* current)> wanted);

  /// Removes `key`. Returns whether it was there, be it past its drop_at.
  bool erase(std::uint64_t hash, std::string_view key);

  /// As erase, if `wanted` returns true for the current value; it runs under the shard's lock.
  bool erase_if(std::uint64_t hash, std::string_view key, function_ref<bool(const void* current)> wanted);

  /// Removes every entry for which `wanted` returns true, and returns how many. Walks all shards, one
  /// lock at a time: it may miss entries that are inserted meanwhile.
  std::size_t erase_matching(function_ref<bool(std::string_view key, const void* current)> wanted);

  /// Calls `each` for every entry, be it past its drop_at, under its shard's lock. As erase_matching, it may
  /// miss entries that are inserted meanwhile.
  void visit(function_ref<void(std::string_view key, const void* current)> each);

  /// Removes everything, one shard after the other.
  void clear();

  /// Changes the budget; evicts down to it before it returns. The number of shards stays.
  void resize(byte_size budget, time_point now);

  /// Drops entries past their drop_at, a bounded number a call, and frees what has left. Returns how
  /// many it dropped.
  std::size_t sweep(time_point now);

  /// A snapshot. Cost: O(shards), takes no lock.
  table_stats stats() const;

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace strata::memory
