#pragma once
/// The statistics of a relay.
/// Threads: plain values.

#include <strata/time.hpp>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace strata {

/// Why a relay removed everything instead of the changed keys.
enum class clear_reason : std::uint8_t {
  fresh,        ///< no relay had worked before, or not for this cache
  source_lost,  ///< PostgreSQL crashed, or another server took over: commits may be lost
  store_lost,   ///< the store was emptied or replaced, and does not tell what it has received
  too_old,      ///< no relay ran for longer than the outbox keeps changes
  too_many,     ///< so much had changed that removing everything is cheaper
  overflow,     ///< the outbox was full or damaged, and changes were not recorded
};
inline constexpr std::size_t clear_reasons = static_cast<std::size_t>(clear_reason::overflow) + 1;
std::string_view name(clear_reason why) noexcept;

/// Counters of a relay.
struct relay_stats {
  bool active = false;         ///< it leads; else another process does, or it waits for the source
  std::string trouble;         ///< why it makes no progress; empty: it does
  std::uint64_t polls = 0;     ///< successful polls of the outbox
  std::uint64_t failures = 0;  ///< failed polls, and changes that could not be applied
  std::uint64_t changes = 0;   ///< rows read from the outbox
  std::uint64_t keys = 0;      ///< removed
  std::uint64_t floors = 0;    ///< raised, for prefixes and tags
  std::uint64_t takeovers = 0;
  std::uint64_t replays = 0;  ///< what a restarted or replaced store may have lost was applied again
  std::array<std::uint64_t, clear_reasons> clears{};
  std::uint64_t overflowed = 0;    ///< statements that the outbox could not record
  std::uint64_t widened = 0;       ///< changes whose rows the trigger could not read; it recorded the widest
  std::uint64_t problems = 0;      ///< faults of the outbox now, as status_of_outbox lists them
  std::uint64_t outbox_bytes = 0;  ///< its size, measured every ten seconds
  /// Every change committed before this age has been applied. Of the leading relay only.
  duration lag{};
  /// Of the last 1,024 polls with changes: from their earliest possible commit until they were applied.
  duration delivered_after_p50{};
  duration delivered_after_p99{};
};

}  // namespace strata
