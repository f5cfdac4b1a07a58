#pragma once
/// What `./dev consistency` is told.
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
  std::uint64_t seed = 0;  ///< 0: chosen by the program
  store_kind store = store_kind::redis;
  std::vector<std::string> faults;
  consistency::plan plan;
};

extern const std::string_view usage;

/// Nothing on wrong use.
std::optional<command> parse(std::span<const std::string_view> given);

}  // namespace strata::consistency
