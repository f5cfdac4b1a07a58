#pragma once
/// Reads RFC 3339 times; `strata::rfc3339` writes them.
/// Threads: pure functions.

#include <strata/time.hpp>

#include <optional>
#include <string_view>

namespace strata::platform {

/// "2025-05-16T18:56:49Z", "2025-05-16t20:56:49.5+02:00"; digits below a millisecond are cut.
/// A leap second counts as the second before. Nothing if `text` is no such time.
std::optional<strata::wall_time> parse_timestamp(std::string_view text) noexcept;

}  // namespace strata::platform
