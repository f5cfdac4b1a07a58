#pragma once
/// Checks a run: compares every read with the history of commits.
/// Threads: one.
///
/// A commit happened between the sending of its COMMIT and the reply. If the reply was lost (the writer was
/// killed, the connection cut), it happened at the latest when a read returned its version, or when the same
/// row's next version was committed. A read misses a version if it began after that moment and returned an
/// older one; the difference is its staleness. The checker gives the cache the benefit of every doubt: it
/// compares a read that found nothing with the most favourable time at which the row did not exist.

#include "tests/consistency/record.hpp"

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace strata::consistency {

/// One version of one row, from the history in the database.
struct history_row {
  std::int64_t stamp = 0;
  std::uint32_t key = 0;
  std::int64_t token = 0;
  bool there = true;
};

struct process_log {
  std::string name;
  std::span<const record> records;
};

/// A broken guarantee, and the events of that row around it.
struct broken {
  std::string promise;
  nanoseconds at = 0;
  std::string story;
};

struct verdict {
  std::uint64_t reads = 0;
  std::uint64_t failed = 0;
  std::uint64_t stale_marked = 0;
  std::map<std::string, std::uint64_t> reads_by_layer;
  std::map<std::string, std::uint64_t> reads_by_kind;
  struct written {
    std::uint64_t tried = 0, acknowledged = 0, unknown = 0;  ///< unknown: committed, but the reply was lost
  };
  std::map<std::string, written> writes;
  std::vector<nanoseconds> staleness;  ///< of all reads that missed a version, ascending
  nanoseconds stale_marked_most = 0;
  std::uint64_t own_writes = 0;  ///< reads that had to see a write of their session
  std::uint64_t moved = 0;       ///< of these, in a process other than the writer's
  std::uint64_t at_rest = 0;     ///< checks at the end
  std::map<std::string, std::uint64_t> broken_promises;
  std::vector<broken> examples;  ///< the first of each kind, at most 3

  /// The percentage of fresh reads that missed no version older than `bound`.
  double share_within(nanoseconds bound) const;
  nanoseconds quantile(double share) const;  ///< of `staleness` among all fresh reads
};

/// Requires: `history` is in the order of its stamps. `bound`: the allowed staleness. `began`: start of the
/// run.
verdict judge(const std::vector<history_row>& history, const std::vector<process_log>& logs,
              std::uint32_t keys, nanoseconds bound, nanoseconds began);

}  // namespace strata::consistency
