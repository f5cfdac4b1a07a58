#pragma once
/// The port of eviction policies, which choose the entry to evict. One policy object per shard.
/// Threads: one strand (a shard's lock).

#include <strata/eviction.hpp>

#include "memory/node.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>

namespace strata::memory {

/// The setup of a policy.
struct eviction_setup {
  node_pool& pool;
  std::size_t per_entry = 0;  ///< what an entry costs besides its charge: its cell and index slot
  eviction_objective wanted = eviction_objective::objects;
};

class eviction {
 public:
  virtual ~eviction() = default;

  /// A new entry; its charge and uses (0) are set.
  virtual void add(handle at, std::uint64_t hash) = 0;

  /// An entry leaves by another way than `victim`, or is about to change its charge.
  virtual void remove(handle at) = 0;
  /// A removed entry is back with another charge; its queue and uses are as they were.
  virtual void restore(handle at) = 0;

  /// The entry to evict, already taken out of the queues; 0: there is none.
  virtual handle victim() = 0;
  /// The victim is gone; `was` is the head of its cell.
  virtual void evicted(const node& was, std::uint64_t hash) = 0;

  /// The cell now at `to` was another of the same pool.
  virtual void moved(handle to) = 0;

  /// How high a hit raises a node's `uses`. A hit does no more, unless `ordered_by_use`.
  virtual std::uint8_t most_uses() const noexcept = 0;
  /// True if `used` must be called on each hit.
  virtual bool ordered_by_use() const noexcept { return false; }
  virtual void used(handle) noexcept {}

  /// The largest share of the budget that one entry may take, as a divisor.
  virtual std::size_t largest_part() const noexcept = 0;

  /// The policy's own memory, and the additional bytes that `grow` wants; 0: none.
  virtual std::size_t bytes() const noexcept = 0;
  virtual std::size_t growth() const noexcept { return 0; }
  virtual void grow() {}

  /// Every entry is gone.
  virtual void clear() noexcept = 0;
};

/// Builds a policy for one shard.
using make_policy = std::unique_ptr<eviction> (*)(const eviction_setup& setup);

/// The default: S3-FIFO's small queue and ghost before a main part that weighs an entry's size.
std::unique_ptr<eviction> make_s3_camp(const eviction_setup& setup);

/// S3-FIFO as published, by bytes. Takes no notice of the objective.
std::unique_ptr<eviction> make_s3_fifo(const eviction_setup& setup);

/// Least recently used. Takes no notice of the objective; a hit writes to two other entries.
std::unique_ptr<eviction> make_lru(const eviction_setup& setup);

/// The maker of `policy`.
make_policy maker_of(eviction_policy policy) noexcept;

}  // namespace strata::memory
