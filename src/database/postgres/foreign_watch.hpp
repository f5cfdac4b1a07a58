#pragma once
/// Tells from snapshots whether transactions ended that were not this process's own.
///
/// Between two snapshots the commit clock has moved by the number of transactions that ended. Those
/// of ours among them are known by their numbers; what is left over is somebody else's. Our number
/// may come a moment after the snapshot that saw its transaction end: while one of ours is on its
/// way, a difference waits for the next look before it counts.
///
/// Errs on the safe side only. What may look foreign: a transaction of ours that failed before it told its
/// number, its subtransactions, autovacuum's ANALYZE, another database of the same server.
/// Threads: one at a time.

#include "database/commit_clock.hpp"

#include <cstdint>
#include <optional>
#include <unordered_set>

namespace strata::detail {

class foreign_watch {
 public:
  /// How many of our own transactions are remembered between two looks; more look foreign.
  static constexpr std::size_t kept = 65'536;

  /// A transaction of ours whose number is not known yet is on its way to the server.
  void begun() { ++on_the_way_; }
  /// It has answered. `xid`: its number, if it told.
  void ended(std::optional<std::uint64_t> xid);
  /// A transaction of ours has this number.
  void own(std::uint64_t xid);

  /// Takes what `connection` sees now. Returns a number that changes with foreign changes; it also
  /// changes with the connection, for a restart may move the clock back unseen.
  std::uint64_t observe(commit_snapshot now, std::uint64_t connection);

 private:
  void accept(commit_snapshot now);

  std::uint64_t version_ = 1;
  std::uint64_t connection_ = 0;
  std::optional<commit_snapshot> seen_;
  std::unordered_set<std::uint64_t> ours_;  ///< not ended when `seen_` was taken
  unsigned on_the_way_ = 0;
  bool waited_ = false;  ///< the difference was there at the last look already
};

}  // namespace strata::detail
