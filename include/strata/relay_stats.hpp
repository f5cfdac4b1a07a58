#pragma once
/// What a relay tells about itself.
/// Threads: values.

#include <strata/time.hpp>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace strata {

/// Why a relay removed everything rather than what was changed.
enum class clear_reason : std::uint8_t {
  fresh,        ///< nobody had relayed before, or not to this cache
  source_lost,  ///< PostgreSQL crashed, or another server took over: commits may be lost
  too_old,      ///< it was away for longer than the outbox keeps what is written
  too_many,     ///< so much was changed that it is quicker
  overflow,     ///< the outbox was full, and changes were not written down
};
inline constexpr std::size_t clear_reasons = static_cast<std::size_t>(clear_reason::overflow) + 1;
std::string_view name(clear_reason why) noexcept;

/// Counters of a relay.
struct relay_stats {
  bool active = false;         ///< it relays; else another process does, or it waits for the source
  std::string trouble;         ///< why it does not get on; empty: it does
  std::uint64_t polls = 0;     ///< looks at the outbox that ended well
  std::uint64_t failures = 0;  ///< that did not, or could not be told to the store
  std::uint64_t changes = 0;   ///< rows of the outbox
  std::uint64_t keys = 0;      ///< removed
  std::uint64_t floors = 0;    ///< raised, for prefixes and tags
  std::uint64_t takeovers = 0;
  std::uint64_t replays = 0;  ///< of all that the outbox keeps, since the store may have forgotten
  std::array<std::uint64_t, clear_reasons> clears{};
  std::uint64_t overflowed = 0;    ///< statements that found the outbox full
  std::uint64_t outbox_bytes = 0;  ///< as of the last look, every ten seconds
  /// Of the active one: how long ago the moment is up to which all that was committed has been told.
  duration lag{};
  /// Of the last 1,024 looks that found changes: from when they may have been committed, at the earliest,
  /// until they were told.
  duration told_after_p50{};
  duration told_after_p99{};
};

}  // namespace strata
