#include "engine/l2_reader.hpp"

#include "async/gather.hpp"

namespace strata::detail {

namespace {

/// Whether `found`, from L2, replaced `known` meanwhile. The age of a value from L2 is only as exact as the
/// time that its reply took.
bool replaced(const record& found, const record_ptr& known, time_point at) noexcept {
  constexpr duration doubt = std::chrono::milliseconds(100);
  return known == nullptr || known->fresh_until <= at || found.asof > known->asof ||
         found.created > known->created + doubt;
}

}  // namespace

any_lookup l2_reader::take(const any_key& target, const fill_admission::ticket& held,
                           const stored_value& stored, time_point source_watermark, bool may_serve_stale,
                           any_lookup missed) {
  const auto entry = records_.decode(target, stored);
  const auto at = state_.now();
  const auto standing =
      entry ? memory_.judge(target, **entry, at, source_watermark) : freshness{.why = entry.error()};
  const bool serve_stale = may_serve_stale && standing.servable_stale(*target.policy, at);
  if (!standing.fresh() && !serve_stale) {
    missed.info.reason = standing.why;
    return reports_.missed(target, std::move(missed));
  }
  memory_.admit(held, target.key, *entry, !target.without_l1);
  auto found = reports_.hit(target, *entry, layer::l2, state_.now());
  found.info.stale = found.info.stale || serve_stale;
  return found;
}

task<any_lookup> l2_reader::get(any_key target) {
  any_lookup missed;
  missed.info.reason = miss_reason::bypassed;
  if (!state_.caches(target) || target.without_l2) co_return reports_.missed(target, std::move(missed));
  const auto began = state_.now();
  const auto held = state_.admission.enter(target.key);
  const auto watermark = state_.l2.source_watermark();
  const auto stored = co_await state_.l2.get(state_.l2_key(target.key));
  missed.info.reason = stored ? state_.miss_reasons.reason(target.key.hash()) : miss_reason::l2_down;
  if (!stored || !*stored) co_return reports_.missed(target, std::move(missed));
  auto found = take(target, held, **stored, watermark, true, std::move(missed));
  if (found.info.hit()) state_.counters.time(operation::get, state_.now() - began);
  co_return found;
}

task<std::vector<any_lookup>> l2_reader::get_many(std::span<const any_key> keys) {
  std::vector<any_lookup> out;
  std::vector<std::size_t> missed;
  std::vector<std::string> names;
  std::vector<fill_admission::ticket> held;
  out.reserve(keys.size());
  for (std::size_t i = 0; i < keys.size(); ++i) {
    auto found = memory_.find(keys[i]);
    if (found.info.from == layer::none) {
      if (state_.has_second_level() && state_.caches(keys[i]) && !keys[i].without_l2) {
        missed.push_back(i);
        names.push_back(state_.l2_key(keys[i].key));
        held.push_back(state_.admission.enter(keys[i].key));
      } else {
        found = reports_.missed(keys[i], std::move(found));
      }
    }
    out.push_back(std::move(found));
  }
  if (missed.empty()) co_return out;
  const auto watermark = state_.l2.source_watermark();
  const auto stored = co_await state_.l2.get_many(std::move(names));
  for (std::size_t m = 0; m < missed.size(); ++m) {
    const auto& target = keys[missed[m]];
    auto& lookup = out[missed[m]];
    if (!stored) lookup.info.reason = miss_reason::l2_down;
    if (!stored || !(*stored)[m]) {
      lookup = reports_.missed(target, std::move(lookup));
    } else {
      lookup = take(target, held[m], *(*stored)[m], watermark, false, std::move(lookup));
    }
  }
  co_return out;
}

l2_probe l2_reader::read_probe(const any_key& target, result<acquire_result> answer,
                               time_point source_watermark) {
  l2_probe out;
  if (!answer) {
    out.reason = miss_reason::l2_down;
    return out;
  }
  out.up = true;
  out.lease = fill_lease(state_, target.key, {.lease = answer->lease, .granted_at = answer->granted_at});
  out.busy = answer->busy();
  if (!answer->value) return out;
  out.held = true;
  const auto entry = records_.decode(target, *answer->value);
  if (!entry) {
    out.reason = entry.error();
    return out;
  }
  const auto standing = memory_.judge(target, **entry, state_.now(), source_watermark);
  out.reason = standing.why;
  if (target.without_l2) return out;
  if (standing.fresh()) out.fresh = *entry;
  if (standing.stale()) out.stale = *entry;
  return out;
}

task<result<fill_lease>> l2_reader::take_lease(key key, bool force) {
  auto name = state_.l2_key(key);
  auto asked = force ? state_.l2.force_lease(std::move(name)) : state_.l2.take_lease(std::move(name));
  const auto granted = co_await std::move(asked);
  if (!granted) co_return std::unexpected(granted.error());
  co_return fill_lease(state_, key, *granted);
}

void l2_reader::note_lease(l2_probe& into, result<fill_lease> lease) {
  into.fresh = nullptr;
  if (!lease) {
    into.up = false;
    into.reason = miss_reason::l2_down;
    return;
  }
  into.lease = std::move(*lease);
  into.busy = !into.lease;
}

task<l2_probe> l2_reader::probe(any_key target, l2_wish wish, record_ptr known) {
  const auto name = state_.l2_key(target.key);
  const auto watermark = state_.l2.source_watermark();
  auto out = read_probe(target, co_await state_.l2.acquire(name), watermark);
  const bool replaces = wish == l2_wish::own_lease || (wish == l2_wish::newer && out.fresh != nullptr &&
                                                       !replaced(*out.fresh, known, state_.now()));
  out.replaces = replaces && out.fresh != nullptr;
  if (out.replaces) out.stale = std::move(out.fresh);
  out.for_refresh = wish == l2_wish::own_lease;
  if (out.for_refresh && out.up) {
    if (!out.lease) note_lease(out, co_await take_lease(target.key, true));
  } else if (out.unfit()) {
    // The stored value cannot be served, or not for long: ask for the right to replace it.
    note_lease(out, co_await take_lease(target.key, false));
  }
  co_return out;
}

task<std::vector<l2_probe>> l2_reader::probe_many(std::span<const any_key> keys,
                                                  std::span<const std::size_t> wanted) {
  std::vector<std::string> names;
  names.reserve(wanted.size());
  for (const auto index : wanted) names.push_back(state_.l2_key(keys[index].key));
  const auto watermark = state_.l2.source_watermark();
  auto answers = co_await state_.l2.acquire_many(std::move(names));
  std::vector<l2_probe> out;
  out.reserve(wanted.size());
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    out.push_back(read_probe(
        keys[wanted[i]],
        answers ? result<acquire_result>(std::move((*answers)[i])) : std::unexpected(answers.error()),
        watermark));
  }
  co_return out;
}

task<> l2_reader::take_leases(std::span<const any_key> keys, std::vector<unfit_value> values) {
  // Leases, not grants: if this task is destroyed, they release themselves.
  std::vector<task<result<fill_lease>>> asked;
  for (const auto& each : values) asked.push_back(take_lease(keys[each.index].key, false));
  auto leases = co_await gather(std::move(asked));
  for (std::size_t i = 0; i < values.size(); ++i) note_lease(*values[i].found, std::move(leases[i]));
}

}  // namespace strata::detail
