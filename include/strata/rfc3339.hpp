#pragma once
/// Reads RFC 3339 times. `rfc3339` in time.hpp writes them.
/// Threads: pure functions.

#include <strata/time.hpp>

#include <optional>
#include <string_view>

namespace strata {

/// "2025-05-16T18:56:49Z", "2025-05-16t20:56:49.5+02:00". Digits below a millisecond are cut. A leap second
/// counts as the second before it. Nothing if `text` is no such time.
std::optional<wall_time> parse_rfc3339(std::string_view text) noexcept;

}  // namespace strata
