#pragma once
/// Ways to break the engine and the relay on purpose, so that the simulator and `./dev consistency` can prove
/// that they would notice. In the library every question is answered with a constant no.
/// Threads: as the code that asks; a mutation is chosen before anything runs.

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace strata::detail {

enum class mutation : std::uint8_t {
  none,
  single_flight_off,  ///< every miss leads a flight of its own
  floor_check_off,    ///< the floors of tags and prefixes are not looked at
  stale_bound_off,    ///< a value that may be served stale may be so for ever
  lease_ignored,      ///< a factory runs though another process fills
  ticket_ignored,     ///< a value enters though its key was invalidated since it was read
  sequence_ignored,   ///< a value enters though another process has changed its key since it was read
  replay_off,         ///< what the store could not be told, or may have forgotten, is not told again
  unkept_ignored,     ///< a value is served though a newer one was returned that was not kept
  lease_late,         ///< the right to fill a key of the store is taken only when it is filled
};

#ifdef STRATA_MUTATIONS

inline mutation active_mutation = mutation::none;
inline bool mutated(mutation which) noexcept {
  return active_mutation == which;
}

inline constexpr std::array<std::string_view, 10> mutation_names{"",
                                                                 "single_flight_off",
                                                                 "floor_check_off",
                                                                 "stale_bound_off",
                                                                 "lease_ignored",
                                                                 "ticket_ignored",
                                                                 "sequence_ignored",
                                                                 "replay_off",
                                                                 "unkept_ignored",
                                                                 "lease_late"};
inline std::string_view name(mutation which) noexcept {
  return mutation_names[static_cast<std::size_t>(which)];
}
/// Nothing: there is no such mutation.
inline std::optional<mutation> mutation_named(std::string_view wanted) noexcept {
  for (std::size_t i = 1; i < mutation_names.size(); ++i) {
    if (mutation_names[i] == wanted) return static_cast<mutation>(i);
  }
  return std::nullopt;
}

/// Fewer, so that a simulation begins at once.
inline constexpr unsigned floor_bits = 12;

#else

constexpr bool mutated(mutation) noexcept {
  return false;
}
inline constexpr unsigned floor_bits = 20;

#endif

}  // namespace strata::detail
