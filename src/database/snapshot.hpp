#pragma once
/// PostgreSQL's snapshots: which transactions were over when something was read.
///
/// Those below `xmin` are, and those below `xmax` that are not listed. The snapshots of one primary are
/// nested: of two, one saw all that the other saw. Threads: immutable values.

#include <strata/error.hpp>

#include <cstdint>
#include <string_view>
#include <vector>

namespace strata::detail {

/// What `pg_current_snapshot()` tells, with 64-bit transaction numbers, which never wrap.
struct commit_snapshot {
  std::uint64_t xmin = 0;              ///< every transaction below is over
  std::uint64_t xmax = 0;              ///< none from here on is
  std::vector<std::uint64_t> running;  ///< of those between, the ones that are not; ascending

  friend bool operator==(const commit_snapshot&, const commit_snapshot&) = default;
};

/// Reads "xmin:xmax:xid,xid,…" as PostgreSQL writes it. Errors: corrupt_entry.
result<commit_snapshot> parse_snapshot(std::string_view text);

}  // namespace strata::detail
