#pragma once
/// The command line of `./dev consistency`.
/// Threads: pure functions.

#include "tests/consistency/faults.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace strata::consistency {

struct command {
  std::int64_t seconds = 30;
  std::uint64_t seed = 0;  ///< 0: the program chooses one
  int runs = 1;            ///< at most as many, each with the next seed, until one breaks a promise
  store_kind store = store_kind::redis;
  std::vector<std::string> faults;
  consistency::plan plan;
};

extern const std::string_view usage;

/// Empty on wrong usage.
std::optional<command> parse(std::span<const std::string_view> given);

}  // namespace strata::consistency
