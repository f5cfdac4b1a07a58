#include "engine/read_reporter.hpp"

namespace strata::detail {

any_lookup read_reporter::missed(const any_key& target, any_lookup missed) noexcept {
  count_miss(target, missed.info.reason);
  return missed;
}

any_lookup read_reporter::follow(const any_key& target, const flight& led, bool leads) {
  if (led.thrown != nullptr) std::rethrow_exception(led.thrown);
  auto out = led.outcome;
  if (!leads) {
    state_.counters.count(target.type, &type_cells::shared);
    out.info.shared = true;
  }
  return out;
}

void read_reporter::count_miss(const any_key& target, miss_reason why) noexcept {
  state_.counters.count_miss(target.type, why);
  state_.hook(&cache_observer::on_miss, target.key.text(), why);
}

void read_reporter::count_stale(const any_key& target) noexcept {
  state_.counters.count(target.type, &type_cells::stale_hits);
  state_.hook(&cache_observer::on_stale, target.key.text());
}

void read_reporter::factory_failed(const any_key& target, const error& failure) {
  state_.counters.count(target.type, &type_cells::factory_failures);
  state_.hook(&cache_observer::on_error, target.key.text(), failure);
}

any_lookup read_reporter::lookup_of(const record_ptr& entry, read_info info, time_point at) {
  any_lookup lookup;
  lookup.value = entry->value;
  lookup.info = info;
  lookup.info.asof = entry->asof;
  lookup.info.ttl = info.stored ? std::max(entry->fresh_until - at, duration::zero()) : duration::zero();
  return lookup;
}

any_lookup read_reporter::failed(error failure, miss_reason reason) {
  any_lookup lookup;
  lookup.info.reason = reason;
  lookup.failure = std::make_shared<const error>(std::move(failure));
  return lookup;
}

}  // namespace strata::detail
