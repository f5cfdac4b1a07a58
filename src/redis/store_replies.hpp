#pragma once
/// What the store's two files share: numbers on their way there, and what comes back.
/// Threads: pure functions.

#include "redis/client.hpp"
#include "resp/value.hpp"

#include <strata/error.hpp>
#include <strata/time.hpp>

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

namespace strata::redis {

/// Keys of one call of a script or UNLINK: what the server does in one go, about 100 µs.
inline constexpr std::size_t batch_size = 100;
/// For what may be sent again.
inline constexpr request_options again{.retryable = true};

/// Whole milliseconds, at least one: 0 is an error to the server.
inline std::string in_ms(duration span) {
  const auto count = std::chrono::ceil<std::chrono::milliseconds>(span).count();
  return std::to_string(std::max<std::int64_t>(1, count));
}

inline error strange(std::string_view what) {
  return {errc::store_unavailable, "store: the server answered " + std::string(what) + " strangely"};
}

}  // namespace strata::redis
