#pragma once
/// HTTP dates (RFC 9110 §5.6.7): writes one form, reads three.
/// Threads: pure functions.

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace strata::http {

/// "Sun, 06 Nov 1994 08:49:37 GMT". Requires: a year from 0 to 9999.
std::string format_date(std::chrono::sys_seconds when);

/// Reads IMF-fixdate, RFC 850 and asctime. `now` decides the century of RFC 850's two digits: a
/// date more than 50 years ahead is in the past. A wrong day name is not an error.
std::optional<std::chrono::sys_seconds> parse_date(std::string_view text, std::chrono::sys_seconds now);

}  // namespace strata::http
