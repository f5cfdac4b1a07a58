#pragma once
/// Durations and sizes as text with units: "250ms", "30m", "64MiB". Used in
/// configuration and in output.
/// Threads: pure functions.

#include <strata/error.hpp>
#include <strata/time.hpp>

#include <string>
#include <string_view>

namespace strata {

/// Reads a whole number with one unit: ns, us, ms, s, m, h or d; "0s" is zero.
/// Errors: invalid_argument that says what was expected; too_large if it does not fit.
result<duration> parse_duration(std::string_view text);

/// Reads a whole number with one unit: B, KiB, MiB or GiB (powers of 1024).
/// Errors: invalid_argument that says what was expected; too_large if it does not fit.
result<byte_size> parse_size(std::string_view text);

/// The shortest text that `parse_duration` reads back as `value`, in hours at most ("24h").
/// Requires: not negative.
std::string to_text(duration value);

/// The shortest text that `parse_size` reads back as `value`.
std::string to_text(byte_size value);

}  // namespace strata
