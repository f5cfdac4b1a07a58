#pragma once
/// Judges a run: every read against the history of commits.
/// Threads: one.
///
/// A commit happened between the sending of its COMMIT and the answer; if nobody heard the answer (the writer
/// was killed, the connection cut), then at the latest when somebody had read what it wrote, or when the same
/// row's next version was committed. A read misses a version if it began after that moment and returned an
/// older one: by so much it is stale. All doubts are the cache's benefit: a read that found nothing is taken
/// for the best of all the times at which there was nothing.

#include "tests/consistency/record.hpp"

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace strata::consistency {

/// One version of one row, as the database tells it afterwards.
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

/// A promise that was broken, and what happened to that row around then.
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
    std::uint64_t tried = 0, acknowledged = 0, unknown = 0;  ///< unknown: it was committed and nobody heard
  };
  std::map<std::string, written> writes;
  std::vector<nanoseconds> staleness;  ///< of all reads that missed something, ascending
  nanoseconds stale_marked_most = 0;
  std::uint64_t own_writes = 0;  ///< reads that had to see a write of their session
  std::uint64_t moved = 0;       ///< of these, in another process than the write
  std::uint64_t at_rest = 0;     ///< looks at the end
  std::map<std::string, std::uint64_t> broken_promises;
  std::vector<broken> examples;  ///< the first of each kind, at most 3

  /// Of fresh reads, how many in a hundred missed nothing that was older than `bound`.
  double share_within(nanoseconds bound) const;
  nanoseconds quantile(double share) const;  ///< of `staleness` among all fresh reads
};

/// Requires: `history` is in the order of its stamps. `bound`: how much a read may miss. `began`: of the run.
verdict judge(const std::vector<history_row>& history, const std::vector<process_log>& logs,
              std::uint32_t keys, nanoseconds bound, nanoseconds began);

}  // namespace strata::consistency
