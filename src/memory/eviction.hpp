#pragma once
/// The port of eviction policies: who leaves when room is needed. One policy object a shard.
/// Threads: one strand (a shard's lock).

#include "memory/node.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>

namespace strata::memory {

/// What a policy is built with.
struct eviction_setup {
  node_pool& pool;
  std::size_t per_entry;  ///< what an entry costs besides its charge: its cell and index slots
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
  /// The victim is gone; `was` is what its cell said.
  virtual void evicted(const node& was, std::uint64_t hash) = 0;

  /// The cell now at `to` was another of the same pool.
  virtual void moved(handle to) = 0;

  /// How high a hit may raise a node's `uses`.
  virtual std::uint8_t most_uses() const noexcept = 0;

  /// The policy's own memory, and what it would like beside it for `grow`; 0: nothing.
  virtual std::size_t bytes() const noexcept = 0;
  virtual std::size_t growth() const noexcept = 0;
  virtual void grow() = 0;

  /// Every entry is gone.
  virtual void clear() noexcept = 0;
};

/// Builds a policy for one shard.
using make_policy = std::unique_ptr<eviction> (*)(const eviction_setup& setup);

/// S3-FIFO (Yang et al., SOSP 2023), by bytes.
std::unique_ptr<eviction> make_s3_fifo(const eviction_setup& setup);

}  // namespace strata::memory
