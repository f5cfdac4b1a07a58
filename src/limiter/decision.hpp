#pragma once
/// The arithmetic that the local and the shared limiter have in common.
/// Threads: pure functions.

#include "core/option_problems.hpp"

#include <strata/limiter.hpp>

#include <algorithm>
#include <cstddef>

namespace strata::detail {

inline std::uint64_t burst_of(const rate_limit& rule) noexcept {
  return rule.burst == 0 ? rule.limit : rule.burst;
}

inline void check_rule(const rate_limit& rule, std::size_t max_callers, option_problems& problems) {
  problems.require(rule.limit > 0, "limit: at least 1");
  problems.require(rule.window > duration::zero(), "window: must be above 0");
  problems.require(max_callers > 0 && max_callers <= (std::size_t{1} << 28), "max_callers: 1 to 2^28");
}

/// The time in which `count` requests are refilled. 128 bits: a window of a day times 2^64 must not wrap.
__extension__ using wide_time = __int128;
inline wide_time refill_time(const rate_limit& rule, wide_time count) noexcept {
  return count * rule.window.count() / static_cast<wide_time>(rule.limit);
}

/// The answer to `cost` requests of a caller whose whole burst is available in `ahead`, these requests
/// included if they are allowed.
inline rate_decision describe(const rate_limit& rule, bool allowed, wide_time ahead, std::uint64_t cost) {
  const auto burst = burst_of(rule);
  const wide_time whole = std::max<wide_time>(1, refill_time(rule, burst));
  const auto left = std::clamp<wide_time>(ahead, 0, whole);
  const auto to_duration = [](wide_time count) { return duration(static_cast<duration::rep>(count)); };
  rate_decision out;
  out.allowed = allowed;
  out.limit = burst;
  out.remaining = static_cast<std::uint64_t>((whole - left) * static_cast<wide_time>(rule.limit) /
                                             static_cast<wide_time>(rule.window.count()));
  out.remaining = std::min(out.remaining, burst);
  out.reset_after = to_duration(std::max<wide_time>(0, ahead));
  if (!allowed) {
    out.retry_after =
        to_duration(cost > burst ? whole : std::max<wide_time>(1, ahead + refill_time(rule, cost) - whole));
  }
  return out;
}

}  // namespace strata::detail
