#pragma once
/// The statistics of an `edge_sender`.
/// Threads: plain values.

#include <strata/stats.hpp>
#include <strata/time.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace strata {

/// Counters of the purges of an edge. `waiting`, `oldest` and `trouble` are known to the active sender only.
struct edge_stats {
  struct edge {
    std::string name;
    std::uint64_t purged = 0;    ///< purges that the edge accepted, and a probe proved if there is one
    std::uint64_t failed = 0;    ///< purges that it did not accept, and that are sent again
    std::uint64_t unproven = 0;  ///< purges after which a probe still showed an older response
    std::uint64_t calls = 0;     ///< successful and failed
    std::uint64_t waiting = 0;   ///< purges that this edge has not accepted yet
    std::string trouble;         ///< why the last call failed; empty: it did not
    latency_stats latency;       ///< of accepted purges, from when the sender first saw them
  };
  bool active = false;       ///< this process sends; else another does, or nothing waits
  std::uint64_t queued = 0;  ///< purges that wait in the database, for each edge
  duration oldest{};         ///< how long the oldest of them has waited, by the database's clock
  std::string trouble;       ///< why the queue cannot be read; empty: it can
  std::vector<edge> edges;
};

}  // namespace strata
