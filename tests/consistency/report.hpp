#pragma once
/// The printed report of a run.
/// Threads: pure functions.

#include "tests/consistency/checker.hpp"
#include "tests/consistency/faults.hpp"

#include <string>

namespace strata::consistency {

std::string report(const verdict& of, nanoseconds bound);
std::string report(const std::vector<faults::done>& of, nanoseconds began);
std::string report(const std::vector<const counts*>& of, std::uint32_t peak_queries);

}  // namespace strata::consistency
