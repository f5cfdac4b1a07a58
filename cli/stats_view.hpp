#pragma once
/// Cache statistics as a table for people.
/// Threads: pure.

#include "admin/bodies.hpp"

#include <strata/time.hpp>

#include <string>

namespace strata::cli {

/// `now` as a table. With `before`, taken `apart` earlier, also rates per second.
std::string stats_view(const admin::admin_stats& now, const admin::admin_stats* before, duration apart);

}  // namespace strata::cli
