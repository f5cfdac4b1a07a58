#pragma once
/// PostgreSQL's snapshots as a clock of commits.
///
/// A snapshot says which transactions are over: those below `xmin`, and those below `xmax` that it
/// does not list. How many those are, `xmax - |listed|`, only grows while one server runs, and a
/// snapshot of a larger number sees all that one of a smaller number sees, since the snapshots of one
/// primary are nested. So the number orders reads of values, lists, joins and absences alike, which
/// neither row versions nor the time of day do.
/// Threads: immutable values.

#include <strata/error.hpp>
#include <strata/time.hpp>

#include <cstdint>
#include <string_view>
#include <vector>

namespace strata::detail {

/// What `pg_current_snapshot()` tells, with 64-bit transaction numbers, which never wrap.
struct commit_snapshot {
  std::uint64_t xmin = 0;              ///< every transaction below is over
  std::uint64_t xmax = 0;              ///< none from here on is
  std::vector<std::uint64_t> running;  ///< of those between, the ones that are not; ascending

  /// True if transaction `xid` was over, committed or not.
  bool saw_end_of(std::uint64_t xid) const noexcept;

  /// The commit clock: how many transactions were over.
  commit_time clock() const noexcept { return xmax - running.size(); }

  friend bool operator==(const commit_snapshot&, const commit_snapshot&) = default;
};

/// Reads "xmin:xmax:xid,xid,…" as PostgreSQL writes it. Errors: corrupt_entry.
result<commit_snapshot> parse_snapshot(std::string_view text);

}  // namespace strata::detail
