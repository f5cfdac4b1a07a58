#pragma once
/// What a cache reports about itself: counters, sizes, and the state of one key.
/// Threads: values.

#include <strata/lookup.hpp>
#include <strata/time.hpp>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace strata {

inline constexpr std::size_t miss_reasons = static_cast<std::size_t>(miss_reason::failed) + 1;

/// Counters of one cache type since the start.
struct type_stats {
  std::string type;
  std::uint64_t l1_hits = 0;
  std::uint64_t l2_hits = 0;
  std::uint64_t negative_hits = 0;                   ///< of the hits, those that said "not found"
  std::array<std::uint64_t, miss_reasons> misses{};  ///< by miss_reason
  std::uint64_t stale_hits = 0;                      ///< reads answered with a stale value
  std::uint64_t refreshes = 0;                       ///< begun in the background
  std::uint64_t shared = 0;                          ///< reads answered by another caller's factory call
  std::uint64_t fills = 0;
  std::uint64_t fills_fenced = 0;  ///< refused: older than an invalidation
  std::uint64_t fills_older = 0;   ///< refused: L2 has a newer value
  std::uint64_t fills_too_large = 0;
  std::uint64_t fills_withheld = 0;  ///< kept in L1 only: sensitive, and there are no keys to encrypt it
  std::uint64_t factory_calls = 0;
  std::uint64_t factory_failures = 0;
  std::uint64_t removals = 0;
};

/// How long one operation took, as a histogram.
struct latency_stats {
  std::string operation;
  std::vector<duration> bounds;       ///< upper bounds of the buckets, ascending; the last bucket has none
  std::vector<std::uint64_t> counts;  ///< of each bucket alone; one more than bounds
  duration sum{};
};

/// Whether the second level is used now.
enum class second_level_state : std::uint8_t {
  off,         ///< there is none
  up,          ///< it serves
  recovering,  ///< it is reachable, but serves nothing until both sides have caught up with missed changes
  down,        ///< it has failed, and is left alone for a while or being tried
};
std::string_view name(second_level_state state) noexcept;

/// The second level, as this process sees it.
struct second_level_stats {
  second_level_state state = second_level_state::off;
  bool coherent = true;              ///< changes of keys in L1 are reported to this process in time
  std::uint64_t breaker_opened = 0;  ///< how often it was left alone
  std::uint64_t timeouts = 0;        ///< calls given up by l2_timeout
  std::uint64_t backlog = 0;         ///< invalidations not delivered to it yet
  byte_size backlog_size;            ///< what they take in memory
  std::uint64_t delivered = 0;       ///< invalidations delivered late, from the backlog
  std::uint64_t overflows = 0;  ///< how often the backlog was too large or too old: all was cleared instead
  std::uint64_t losses = 0;     ///< how often changes were missed
};

/// A snapshot of one cache.
struct cache_stats {
  bool enabled = true;  ///< false: `disable` was called
  std::vector<type_stats> types;
  std::vector<latency_stats> latencies;
  std::uint64_t entries = 0;  ///< in L1
  byte_size used;             ///< by L1: keys, values and index
  byte_size budget;           ///< what L1 may use
  std::uint64_t evictions = 0;
  std::uint64_t expirations = 0;
  std::uint64_t flights = 0;        ///< factory calls running now
  std::uint64_t hook_failures = 0;  ///< hooks of the observer that threw
  std::uint64_t l2_errors = 0;
  std::uint64_t l2_round_trips = 0;
  commit_time clock = 0;  ///< with a second level: the latest time seen of its clock
  second_level_stats second_level;
};

/// The state of one key in every level, and what the next read will do.
struct explanation {
  enum class state : std::uint8_t {
    fresh,        ///< a read is answered with it
    stale,        ///< past its ttl, or expired; the policy may allow serving it
    invalid,      ///< it may not be served
    absent,       ///< there is none
    unreachable,  ///< the level did not answer
    off,          ///< there is no such level, or the key is never cached
  };
  struct level {
    strata::layer layer = strata::layer::none;
    explanation::state state = explanation::state::off;
    miss_reason reason = miss_reason::none;  ///< why it is not fresh
    std::string detail = {};                 ///< what is wrong, in words, if the reason does not say all
    duration ttl{};                          ///< freshness left; negative once it is over
    duration age{};
    commit_time asof = 0;
    byte_size size;
    bool negative = false;  ///< it says "not found"
    std::vector<std::string> tags;
  };
  std::string key;
  std::string type;
  std::vector<level> levels;  ///< L1, then L2
  bool in_flight = false;     ///< a factory computes it now
  std::string next_read;      ///< one sentence
};
std::string_view name(explanation::state state) noexcept;

}  // namespace strata
