#pragma once
/// Which entry a memory cache evicts when it is full. How each policy works: docs/guide/memory.md.
/// Threads: values.

#include <array>
#include <cstdint>
#include <string_view>

namespace strata {

/// How the cache chooses the entry to evict.
enum class eviction_policy : std::uint8_t {
  s3camp,  ///< S3-FIFO's small queue and ghost before a main part that weighs an entry's size
  s3fifo,  ///< S3-FIFO as published (Yang, Zhang, Qiu, Yue, Rashmi, SOSP 2023), by bytes
  lru,     ///< least recently used; a hit takes a lock
};
inline constexpr std::array eviction_policies = {eviction_policy::s3camp, eviction_policy::s3fifo,
                                                 eviction_policy::lru};
std::string_view name(eviction_policy of) noexcept;

/// What to maximize: the share of requests that hit, or the share of bytes. Only `s3camp` uses it.
enum class eviction_objective : std::uint8_t { objects, bytes };
std::string_view name(eviction_objective of) noexcept;

}  // namespace strata
