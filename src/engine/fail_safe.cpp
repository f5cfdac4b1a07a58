#include "engine/fail_safe.hpp"

#include <algorithm>

namespace strata::detail {

record_ptr fail_safe::standby(const any_key& target) const {
  if (!target.policy->fail_safe || target.without_l1) return nullptr;
  auto found = memory_.peek(target.key);
  if (found == nullptr || memory_.judge(target, *found, state_.now()).gone()) return nullptr;
  return found;
}

record_ptr fail_safe::throttled(const any_key& target, const record_ptr& stale) const {
  const auto at = state_.now();
  if (memory_.judge(target, *stale, at).fresh()) return stale;
  auto out = std::make_shared<record>(*stale);
  out->throttled = true;
  out->fresh_until = std::min(at + target.policy->throttle, stale->stale_until);
  return out;
}

std::optional<any_lookup> fail_safe::stand_in(const any_key& target, bool throttles) {
  auto stale = standby(target);
  if (stale == nullptr) return std::nullopt;
  if (throttles) {
    auto spared = throttled(target, stale);
    if (spared != stale) memory_.replace(target.key, stale, spared);
    stale = std::move(spared);
  }
  reports_.count_stale(target);
  const read_info info{.from = layer::l1, .reason = miss_reason::expired, .stored = true, .stale = true};
  return read_reporter::lookup_of(stale, info, state_.now());
}

void fail_safe::remember(const any_key& target, known_failure failure, commit_time asof) {
  const auto ttl = target.policy->failure_ttl;
  if (ttl == duration::zero() || failure.what->code == errc::busy) return;
  const auto at = state_.now();
  failure.until = at + ttl;
  state_.failures.note(target, std::move(failure), asof, at);
}

bool fail_safe::land_stale(const any_key& target, const fill_admission::joined& flight,
                           const record_ptr& stale, miss_reason reason) {
  if (!target.policy->fail_safe || stale == nullptr) return false;
  const auto at = state_.now();
  if (memory_.judge(target, *stale, at).gone()) return false;
  const auto standing_in = throttled(target, stale);
  if (memory_.admit(flight.lead, target.key, standing_in, !target.without_l1) !=
      fill_admission::verdict::entered) {
    return false;
  }
  reports_.count_stale(target);
  const read_info info{.from = layer::l1, .reason = reason, .stored = true, .stale = true};
  state_.admission.land(flight, read_reporter::lookup_of(standing_in, info, at), true);
  return true;
}

}  // namespace strata::detail
