#pragma once
/// The counters of a process's caches and listeners in Prometheus' text format.
/// Threads: `exposition` is pure; `route_counters` is lock-free and may be used from any thread.

#include <strata/edge_stats.hpp>
#include <strata/event_feed_stats.hpp>
#include <strata/network_store.hpp>
#include <strata/rate_limiter.hpp>
#include <strata/relay_stats.hpp>
#include <strata/session_stats.hpp>
#include <strata/stats.hpp>
#include <strata/time.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace strata {

/// Requests of one route, by status class: `by_class[2]` is 2xx; [0] counts invalid statuses.
struct route_stats {
  std::string route;
  std::array<std::uint64_t, 6> by_class{};
};

/// Counts requests by route pattern (never by path: a label must come from a closed list).
/// A request without a route, or of a route above `limit`, counts as "other".
class route_counters {
 public:
  static constexpr std::size_t limit = 256;

  route_counters();
  ~route_counters();
  route_counters(const route_counters&) = delete;
  route_counters& operator=(const route_counters&) = delete;

  /// Cost: a hash of `route` and one relaxed increment; allocates on a route's first request.
  void count(std::string_view route, int status) noexcept;
  /// Every route counted so far, by name.
  std::vector<route_stats> snapshot() const;

 private:
  struct shard;
  std::unique_ptr<shard[]> shards_;
};

/// The counters of one HTTP listener.
struct http_stats {
  std::string listener;  ///< "platform", "admin"
  std::vector<route_stats> routes;
  latency_stats latency;
  std::uint64_t in_flight = 0;
  std::uint64_t connections_open = 0;
  std::uint64_t connections_accepted = 0;
  std::uint64_t connections_refused = 0;
  std::uint64_t connections_displaced = 0;
  std::uint64_t timeouts = 0;
};

/// The process that the metrics describe.
struct process_info {
  std::string version;
  wall_time started_at{};
};

/// The parts that only some processes have; null: this one has none.
struct process_parts {
  const store_health* shared = nullptr;  ///< the store on the network
  const relay_stats* relaying = nullptr;
  const event_feed_stats* feeding = nullptr;
  const session_stats* sessions = nullptr;
  std::span<const std::pair<std::string_view, rate_limiter_stats>> limits = {};  ///< by their names
  const edge_stats* purging = nullptr;                                           ///< of the edge
};

/// The text exposition (format 0.0.4) of all counters; `exposition_type` is its media type.
/// Cost: O(series), some 100 KB; for a scrape, not for hot paths.
std::string exposition(const cache_stats& cache, std::span<const http_stats> listeners,
                       const process_info& process, const process_parts& parts = {});
inline constexpr char exposition_type[] = "text/plain; version=0.0.4; charset=utf-8";

}  // namespace strata
