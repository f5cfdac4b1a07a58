#include <strata/limiter.hpp>

#include <algorithm>

namespace strata {

namespace {

std::uint64_t burst_of(const rate_limit& rule) {
  return rule.burst == 0 ? rule.limit : rule.burst;
}

}  // namespace

// The allowance is a bucket that holds `burst` and is refilled by one each `interval`. We do not keep its
// level but `arrival`, the time at which it is full again. Each request moves `arrival` by one interval.
// The bucket is empty when `arrival` is burst * interval ahead of now, so it may not move further.
rate_decision gcra(const rate_limit& rule, time_point& arrival, time_point now, std::uint64_t cost) {
  // In 128 bits: a window of a day times a cost of 2^64 must not wrap into a yes.
  __extension__ using wide = __int128;
  const auto burst = burst_of(rule);
  const wide window = rule.window.count();
  const auto intervals = [&](wide count) { return count * window / static_cast<wide>(rule.limit); };
  const wide whole = std::max<wide>(1, intervals(burst));
  const wide ahead = std::min(whole, static_cast<wide>(std::max(arrival, now).time_since_epoch().count()) -
                                         now.time_since_epoch().count());

  rate_decision decision;
  decision.limit = burst;
  const wide wanted = ahead + intervals(cost);
  decision.allowed = wanted <= whole && cost <= burst;
  const wide left = decision.allowed ? wanted : ahead;
  if (decision.allowed) arrival = now + duration(static_cast<duration::rep>(left));
  decision.remaining = static_cast<std::uint64_t>((whole - left) * static_cast<wide>(rule.limit) / window);
  decision.remaining = std::min(decision.remaining, burst);
  decision.reset_after = duration(static_cast<duration::rep>(left));
  if (!decision.allowed) {
    decision.retry_after = cost > burst ? duration(static_cast<duration::rep>(whole))
                                        : duration(static_cast<duration::rep>(wanted - whole));
  }
  return decision;
}

}  // namespace strata
