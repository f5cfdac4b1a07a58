#include "core/option_problems.hpp"
#include "limiter/caller_table.hpp"
#include "limiter/decision.hpp"

#include <strata/limiter.hpp>

namespace strata {

namespace {

struct slot {
  std::uint64_t caller = 0;
  time_point arrival{};
};

}  // namespace

struct limiter::state {
  rate_limit rule;
  detail::caller_table<slot> callers;
};

limiter::limiter(rate_limit rule, limiter_options options) {
  detail::option_problems problems;
  detail::check_rule(rule, options.max_callers, problems);
  problems.throw_if_any();
  state_.reset(new state{rule, detail::caller_table<slot>(options.max_callers)});
}

limiter::~limiter() = default;
limiter::limiter(limiter&&) noexcept = default;
limiter& limiter::operator=(limiter&&) noexcept = default;

const rate_limit& limiter::rule() const noexcept {
  return state_->rule;
}

rate_decision limiter::take(std::string_view caller, time_point now, std::uint64_t cost) {
  auto& self = *state_;
  return self.callers.with(self.callers.hash(caller),
                           [&](slot& mine) { return gcra(self.rule, mine.arrival, now, cost); });
}

}  // namespace strata
