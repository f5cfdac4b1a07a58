#include "engine/l2_status.hpp"

namespace strata::detail {

l2_status::l2_status(const cache_options& options, counters& counters)
    : options_(options),
      counters_(counters),
      trusted_until_(options.second_level == nullptr && !options.relayed
                         ? std::numeric_limits<duration::rep>::max()
                         : std::numeric_limits<duration::rep>::min()),
      breaker_(options.breaker_failures, options.breaker_open_for) {
}

std::optional<breaker::pass> l2_status::enter() {
  const scoped_lock lock(mutex_);
  return breaker_.enter(options_.time->now());
}

void l2_status::ended(breaker::pass pass, bool answered, bool timed_out) {
  counters_.l2_round_trip(!answered);
  {
    const scoped_lock lock(mutex_);
    if (timed_out) ++timeouts_;
    if (answered) breaker_.succeeded(pass);
    if (!answered) breaker_.failed(pass, options_.time->now());
  }
  report();
}

std::optional<time_point> l2_status::blocked_until() const {
  const scoped_lock lock(mutex_);
  if (breaker_.current() == breaker::state::closed) return std::nullopt;
  return breaker_.again();
}

void l2_status::hint() {
  const scoped_lock lock(mutex_);
  breaker_.hint(options_.time->now());
}

second_level_state l2_status::state() const {
  if (options_.second_level == nullptr) return second_level_state::off;
  if (breaker_.current() != breaker::state::closed) return second_level_state::down;
  return in_sync() ? second_level_state::up : second_level_state::recovering;
}

void l2_status::report() {
  second_level_state now{};
  {
    const scoped_lock lock(mutex_);
    now = state();
    if (now == reported_state_) return;
    reported_state_ = now;
  }
  call_hook(options_.observer.get(), counters_, &cache_observer::on_second_level, now);
}

void l2_status::collect(second_level_stats& out) const {
  const scoped_lock lock(mutex_);
  out.state = state();
  if (out.state == second_level_state::off) return;
  out.coherent = options_.time->now() < trusted_until();
  out.breaker_opened = breaker_.times_opened();
  out.timeouts = timeouts_;
  out.losses = losses();
}

}  // namespace strata::detail
