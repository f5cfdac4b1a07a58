#include "engine/lease_renewal.hpp"

#include <utility>

namespace strata::detail {

namespace {

/// How many lengths of a lease a holder may take.
constexpr int longest_hold = 15;

}  // namespace

lease_renewal::lease_renewal(std::shared_ptr<engine_state> state, std::string name, lease_token token)
    : state_(std::move(state)),
      name_(std::move(name)),
      token_(token),
      until_(state_->now() + longest_hold * state_->options.fill_lease) {
}

std::shared_ptr<lease_renewal> lease_renewal::begin(std::shared_ptr<engine_state> state, std::string name,
                                                    lease_token token) {
  auto out = std::make_shared<lease_renewal>(std::move(state), std::move(name), token);
  out->arm();
  return out;
}

void lease_renewal::arm() {
  const scoped_lock lock(mutex_);
  if (!stopped_ && state_->now() < until_) next_ = state_->lease_renewals->add(shared_from_this());
}

void lease_renewal::stop() {
  const scoped_lock lock(mutex_);
  stopped_ = true;
  state_->lease_renewals->remove(next_);
}

void lease_renewal::expire() {
  {
    const scoped_lock lock(mutex_);
    if (stopped_) return;
  }
  start(nullptr, renew(shared_from_this()), [](const completion<void>&) {});
}

task<> lease_renewal::renew(std::shared_ptr<lease_renewal> self) {
  const auto held = co_await self->state_->l2.renew(self->name_, self->token_);
  // Without an answer the lease may still be held.
  if (!held || *held) self->arm();
}

}  // namespace strata::detail
