#include "engine/fill_committer.hpp"

namespace strata::detail {

void fill_committer::note_too_large(const any_key& target) {
  state_.counters.count(target.type, &type_cells::fills_too_large);
  state_.miss_reasons.note(target.key.hash(), miss_reason::too_large);
}

pending_fill fill_committer::begin(const any_key& target, factory_result value, const l2_probe& probe) {
  pending_fill out{.value = std::move(value)};
  auto& [entry, keep, why_not] = out.value;
  if (!keep) out.outcome.reason = why_not;
  if (out.outcome.reason == miss_reason::too_large) note_too_large(target);
  std::string bytes;
  const bool withheld = keep && !records_.may_share(target);
  if (keep && !withheld && probe.lease) bytes = records_.encode(target, *entry);
  if (keep && record_builder::too_large(target, *entry, bytes.size())) {
    note_too_large(target);
    out.outcome.reason = miss_reason::too_large;
    keep = false;
  }
  if (!state_.has_second_level()) return out;
  // Without the lease, or without L2, no notification would report that the value is out of date.
  if (!probe.lease || !probe.up) keep = false;
  if (keep && withheld) state_.counters.count(target.type, &type_cells::fills_withheld);
  if (keep && !withheld) {
    out.for_l2 = {.name = state_.l2_key(target.key),
                  .lease = probe.lease.token(),
                  .asof = entry->asof,
                  .bytes = std::move(bytes),
                  .until = entry->stale_until};
  }
  return out;
}

void fill_committer::note_l2(const any_key& target, pending_fill& fill, l2_probe& probe,
                             const result<fill_result>& filled) {
  if (filled) probe.lease.spent();
  state_.admission.wake(target.key.text());
  fill.refused = filled && *filled != fill_result::stored;
  fill.value.keep = filled && !fill.refused;
  if (fill.refused && *filled == fill_result::older) {
    state_.counters.count(target.type, &type_cells::fills_older);
  }
}

fill_outcome fill_committer::finish(const any_key& target, const fill_admission::ticket& held,
                                    pending_fill fill) {
  auto& out = fill.outcome;
  const auto& entry = fill.value.entry;
  const auto verdict = memory_.admit(held, target.key, entry, fill.value.keep);
  out.usable = verdict == fill_admission::verdict::entered && !fill.refused;
  out.stored = fill.value.keep && verdict != fill_admission::verdict::fenced;
  if (out.stored) {
    state_.counters.count(target.type, &type_cells::fills);
    if (state_.options.observer != nullptr) {
      state_.options.observer->on_fill(target.key.text(), entry->fresh_until - entry->created);
    }
  } else {
    state_.uncached_reads.note(target.key.hash(), entry->created);
    if (!out.usable) {
      state_.counters.count(target.type, &type_cells::fills_fenced);
      out.reason = miss_reason::fenced;
    }
  }
  return out;
}

task<fill_outcome> fill_committer::commit(const any_key& target, const fill_admission::ticket& held,
                                          factory_result value, l2_probe& probe) {
  auto fill = begin(target, std::move(value), probe);
  if (fill.for_l2) {
    if (mutated(mutation::lease_late)) {
      if (const auto late = co_await state_.l2.force_lease(fill.for_l2->name)) {
        fill.for_l2->lease = late->lease;
        fill.for_l2->asof = late->granted_at;
      }
    }
    const auto filled = co_await state_.l2.fill(std::move(*fill.for_l2));
    note_l2(target, fill, probe, filled);
  }
  co_return finish(target, held, std::move(fill));
}

}  // namespace strata::detail
