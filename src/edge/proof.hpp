#pragma once
/// Whether an edge's response was made after a purge.
/// Threads: pure functions.

#include <strata/edge.hpp>
#include <strata/time.hpp>

namespace strata::edge_detail {

/// What the clocks of two gateways may differ by.
inline constexpr std::chrono::milliseconds clock_tolerance{250};

/// Whether `shown` was made at `covered` or later: by its Strata-Asof, or by its Age where that is missing
/// (whose unit is a second), or because it has neither and so comes from no cache.
/// `called` is how long before now the purge was sent.
bool proves(const edge_response& shown, wall_time covered, duration called);

}  // namespace strata::edge_detail
