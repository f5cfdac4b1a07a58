#include "limiter/decision.hpp"

namespace strata {

// The allowance is a bucket that holds `burst` and is refilled by one each `interval`. We do not keep its
// level but `arrival`, the time at which it is full again. Each request moves `arrival` by one interval.
// The bucket is empty when `arrival` is burst * interval ahead of now, so it may not move further.
rate_decision gcra(const rate_limit& rule, time_point& arrival, time_point now, std::uint64_t cost) {
  using detail::wide_time;
  const auto burst = detail::burst_of(rule);
  const wide_time whole = std::max<wide_time>(1, detail::refill_time(rule, burst));
  const wide_time ahead =
      std::min(whole, static_cast<wide_time>(std::max(arrival, now).time_since_epoch().count()) -
                          now.time_since_epoch().count());
  const wide_time wanted = ahead + detail::refill_time(rule, cost);
  const bool allowed = wanted <= whole && cost <= burst;
  if (allowed) arrival = now + duration(static_cast<duration::rep>(wanted));
  return detail::describe(rule, allowed, allowed ? wanted : ahead, cost);
}

}  // namespace strata
