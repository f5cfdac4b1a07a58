#pragma once
/// What a cache tells about itself: counters, sizes, and where one key stands.
/// Threads: values.

#include <strata/lookup.hpp>
#include <strata/time.hpp>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace strata {

inline constexpr std::size_t miss_reasons = static_cast<std::size_t>(miss_reason::bypassed) + 1;

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
  std::uint64_t fills_older = 0;   ///< refused: something newer is stored
  std::uint64_t fills_too_large = 0;
  std::uint64_t fills_withheld = 0;  ///< kept in L1 only: sensitive, and there are no keys
  std::uint64_t factory_calls = 0;
  std::uint64_t factory_failures = 0;
  std::uint64_t removals = 0;
};

/// Durations of one operation, in Prometheus's cumulative form.
struct latency_stats {
  std::string operation;
  std::vector<double> bounds;         ///< seconds, ascending
  std::vector<std::uint64_t> counts;  ///< one more than bounds; not cumulative
  double sum_seconds = 0;
};

/// Whether the second level is used now.
enum class second_level_state : std::uint8_t {
  off,         ///< there is none
  up,          ///< it serves
  recovering,  ///< it is reachable; nothing is served from it before all that was missed is made up for
  down,        ///< it has failed, and is left alone for a while or being tried
};
std::string_view name(second_level_state state) noexcept;

/// The second level, as this process sees it.
struct second_level_stats {
  second_level_state state = second_level_state::off;
  bool coherent = true;              ///< what is in L1 is told of changes in time
  std::uint64_t breaker_opened = 0;  ///< how often it was left alone
  std::uint64_t timeouts = 0;        ///< calls given up by l2_timeout
  std::uint64_t kept = 0;            ///< invalidations that it has not been told yet
  std::uint64_t kept_bytes = 0;
  std::uint64_t delivered = 0;  ///< invalidations that it was told later
  std::uint64_t overflows = 0;  ///< how often too many were kept, or for too long: all was cleared instead
  std::uint64_t losses = 0;     ///< how often changes were missed
};

/// Counters of a cache since it was created.
struct cache_stats {
  std::vector<type_stats> types;
  std::vector<latency_stats> latencies;
  std::uint64_t entries = 0;
  std::uint64_t bytes = 0;
  std::uint64_t budget = 0;
  std::uint64_t evictions = 0;
  std::uint64_t expirations = 0;
  std::uint64_t flights = 0;  ///< factory calls running now
  std::uint64_t l2_errors = 0;
  std::uint64_t l2_round_trips = 0;
  commit_time clock = 0;  ///< with a second level: the latest heard of its clock
  second_level_stats second_level;
};

/// Where one key stands.
struct explanation {
  struct level {
    std::string layer;        ///< "l1", "l2"
    std::string state;        ///< "fresh", "stale", "invalid", "absent", "unreachable", "off"
    std::string reason;       ///< why it is not fresh: a miss_reason's name
    std::string detail = {};  ///< of what is undecodable: what is wrong with it
    double ttl_seconds = 0;
    double age_seconds = 0;
    std::uint64_t asof = 0;
    std::uint64_t bytes = 0;
    bool negative = false;
    std::vector<std::string> tags;
  };
  std::string key;
  std::string type;
  std::vector<level> levels;
  bool in_flight = false;
  std::string next_read;  ///< one sentence
};

}  // namespace strata
