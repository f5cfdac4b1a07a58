#pragma once
/// One simulation: several processes with a cache each, the store between them and the source behind
/// them, in one thread and from one seed.
/// Threads: one at a time in a program, because the mutation is global.

#include "tests/simulator/log.hpp"
#include "tests/simulator/oracle.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace strata::simulator {

struct outcome {
  step_number steps = 0;
  std::optional<failure> failed;
  std::vector<event_line> lines;  ///< if requested
};

/// Runs the simulation of `seed`; the same seed takes the same steps.
outcome simulate(std::uint64_t seed, bool lines, tally& seen);

/// The message of a failure: the seed, the step, the rule, the last `events` of that key, and the command
/// that repeats it. Requires: `of` failed.
std::string report(std::uint64_t seed, const outcome& of, std::size_t events = 40);

}  // namespace strata::simulator
