#pragma once
/// Ways to break the engine and the relay on purpose, so that the simulator and `./dev consistency` can prove
/// that they would detect it. In the library `mutated` is a constant false.
/// Threads: any; a mutation is chosen before anything runs.

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace strata::detail {

enum class mutation : std::uint8_t {
  none,
  single_flight_off,  ///< every miss leads its own flight
  floor_check_off,    ///< the floors of tags and prefixes are not checked
  stale_bound_off,    ///< a value that may be served stale may be served for ever
  lease_ignored,      ///< a factory runs though another process is filling
  ticket_ignored,     ///< a value enters though its key was invalidated since it was read
  sequence_ignored,   ///< a value enters though another process has changed its key since it was read
  replay_off,         ///< an invalidation that failed, or that the store may have forgotten, is not repeated
  unkept_ignored,     ///< a value is served though a newer one was returned without being cached
  lease_late,         ///< the lease is taken when the value is filled, instead of before it is read
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
/// The mutation of that name, or nothing.
inline std::optional<mutation> mutation_named(std::string_view wanted) noexcept {
  for (std::size_t i = 1; i < mutation_names.size(); ++i) {
    if (mutation_names[i] == wanted) return static_cast<mutation>(i);
  }
  return std::nullopt;
}

/// Fewer floors, so that a simulation starts at once.
inline constexpr unsigned floor_bits = 12;

#else

constexpr bool mutated(mutation) noexcept {
  return false;
}
inline constexpr unsigned floor_bits = 20;

#endif

}  // namespace strata::detail
