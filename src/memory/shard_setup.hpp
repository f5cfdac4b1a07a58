#pragma once
/// The setup and the counters of a shard of a memory cache.
/// Threads: values; the counters have one writer (a shard's lock) and any readers.

#include "memory/eviction.hpp"
#include "memory/relaxed.hpp"

#include <cstddef>
#include <cstdint>

namespace strata::memory {

using counter = relaxed<std::uint64_t>;

struct shard_counters {
  counter entries;
  counter bytes;
  counter evictions;
  counter expirations;
  counter rejected;
};

enum class stored : std::uint8_t { added, replaced, refused, too_large };

/// Why an entry leaves a shard.
enum class left : std::uint8_t { evicted, expired, replaced, erased };

/// The bytes that the budget counts.
enum class accounting : std::uint8_t {
  all,      ///< every byte that is used
  charges,  ///< the values' sizes alone: to compare policies with published figures
};

struct shard_setup {
  std::size_t budget = 0;
  std::size_t fixed = 0;  ///< what the owner spends for this shard, counted in
  accounting counts = accounting::all;
  eviction_objective wanted = eviction_objective::objects;
};

}  // namespace strata::memory
