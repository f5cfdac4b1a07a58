#pragma once
/// The counters of a session store.
/// Threads: a plain value.

#include <cstdint>

namespace strata {

/// Since the start of this process.
struct session_stats {
  std::uint64_t created = 0;
  std::uint64_t ended = 0;  ///< by this process: logged out, alone or with others
  std::uint64_t rotated = 0;
  std::uint64_t refused = 0;   ///< look-ups without a session: unknown, ended or expired
  std::uint64_t expired = 0;   ///< deleted by this process
  std::uint64_t recorded = 0;  ///< uses written to the database
  std::uint64_t failures = 0;  ///< statements of `maintain` that failed
};

}  // namespace strata
