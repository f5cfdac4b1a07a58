#include "engine/fill_committer.hpp"

namespace strata::detail {

void fill_committer::note_too_large(const any_key& target) {
  state_.counters.count(target.type, &type_cells::fills_too_large);
  state_.miss_reasons.note(target.key.hash(), miss_reason::too_large);
}

void fill_committer::refuse(const any_key& target, pending_fill& fill, const error& why) {
  fill.value.keep = false;
  fill.outcome.reason = miss_reason::unstorable;
  state_.note_unstorable(target, why);
}

pending_fill fill_committer::begin(const any_key& target, factory_result value, const l2_probe& probe) {
  pending_fill out{.value = std::move(value)};
  auto& entry = out.value.entry;
  auto& keep = out.value.keep;
  if (!state_.enabled.load(std::memory_order_relaxed)) keep = false;
  if (!keep) out.outcome.reason = out.value.why_not;
  if (out.outcome.reason == miss_reason::too_large) note_too_large(target);
  if (out.value.refused) refuse(target, out, *out.value.refused);
  std::string bytes;
  const bool secret = keep && !records_.may_share(target);
  const bool local = keep && out.value.local_at_first && probe.up && probe.stale == nullptr &&
                     !state_.doors.admits(target.key.hash());
  const bool withheld = secret || local || target.without_l2;
  if (keep && !withheld && probe.lease) {
    if (auto encoded = records_.encode(target, *entry)) {
      bytes = std::move(*encoded);
    } else {
      refuse(target, out, encoded.error());
    }
  }
  if (keep && record_builder::too_large(target, *entry, bytes.size())) {
    note_too_large(target);
    out.outcome.reason = miss_reason::too_large;
    keep = false;
  }
  out.unwanted = !keep;
  if (!state_.has_second_level()) return out;
  // Without L2 no notification would report that the value is out of date. Beside another process's lease
  // memory may keep it: L2 reports every change of the key, and the counter it gave us orders the floors.
  const bool beside_a_lease = probe.up && probe.busy && probe.lease.granted_at() != 0;
  if (keep && !probe.lease && beside_a_lease) {
    auto unleased = std::make_shared<record>(*entry);
    unleased->unleased = true;
    out.value.entry = std::move(unleased);
  } else if (!probe.lease || !probe.up) {
    keep = false;
  }
  out.clears_l2 = keep && target.without_l2 && probe.held;
  if (keep && secret) state_.counters.count(target.type, &type_cells::fills_withheld);
  if (keep && !withheld && probe.lease) {
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
  fill.older = filled && *filled == fill_result::older;
  if (fill.older) {
    state_.counters.count(target.type, &type_cells::fills_older);
  }
}

fill_outcome fill_committer::finish(const any_key& target, const fill_admission::ticket& held,
                                    pending_fill fill, const l2_probe& probe) {
  auto& out = fill.outcome;
  const auto& entry = fill.value.entry;
  if (fill.value.keep && entry->unleased) {
    fill.value.keep =
        state_.uncached_reads.note_kept(target.key.hash(), entry->asof, entry->source.began, entry->created);
  }
  bool in_memory = false;
  const bool for_memory = fill.value.keep && !target.without_l1;
  const auto verdict = memory_.admit(held, target.key, entry, for_memory, &in_memory);
  out.usable = verdict == fill_admission::verdict::entered && !fill.refused;
  // A value that L2 has taken is stored there, though memory may not keep it.
  const bool in_l2 = fill.for_l2 && fill.value.keep && verdict != fill_admission::verdict::fenced;
  out.stored = in_memory || in_l2;
  if (for_memory && out.usable && !out.stored) {
    note_too_large(target);
    out.reason = miss_reason::too_large;
  }
  if (out.stored) {
    state_.failures.forget(target.key.text());
    if (target.without_l1) memory_.supersede(target.key, *entry, false);
    state_.counters.count(target.type, &type_cells::fills);
    state_.hook(&cache_observer::on_fill, target.key.text(), entry->fresh_until - entry->created);
    return out;
  }
  state_.uncached_reads.note(target.key.hash(), entry->created);
  if (!out.usable) {
    state_.counters.count(target.type, &type_cells::fills_fenced);
    out.reason = miss_reason::fenced;
  }
  // It is not stored, so nothing has replaced what was. What another process has changed meanwhile may be
  // from before this refresh, too.
  using enum fill_admission::verdict;
  const bool leaves_older =
      probe.for_refresh ? verdict == entered || verdict == changed : fill.unwanted && verdict == entered;
  if (leaves_older) {
    const bool gone = entry->value == nullptr;
    memory_.supersede(target.key, *entry, !gone);
    const bool unknown = probe.for_refresh && (!probe.up || verdict == changed);
    // A value that is not fresh now may be again, once changes of it are reported in time.
    const bool older_there = gone || probe.for_refresh ? probe.held : probe.replaces;
    if (state_.has_second_level() && !fill.older && (older_there || unknown)) {
      out.in_l2 = gone ? older_value::goes : older_value::expires;
    }
  }
  return out;
}

task<> fill_committer::make_way(const any_key& target, pending_fill& fill) {
  const auto cleared = co_await state_.l2.invalidate(
      {.names = {state_.l2_key(target.key)}, .floors = {}, .floor = state_.clock.tick()}, {});
  if (!cleared) fill.value.keep = false;
}

task<> fill_committer::remove_refused(const any_key& target, const fill_admission::ticket& held,
                                      const failed_run& failed, const l2_probe& probe) {
  auto read = std::make_shared<record>();
  read->asof = failed.asof;
  read->source = failed.source;
  read->floors = floor_set(target.key.text(), target.policy->tags);
  if (memory_.admit(held, target.key, read, false) != fill_admission::verdict::entered) co_return;
  memory_.supersede(target.key, *read, false);
  if (state_.has_second_level() && (probe.held || !probe.up)) {
    co_await invalidations_.drop_in_l2(target.key, false);
  }
}

task<> fill_committer::clear_l2(const any_key& target, const fill_outcome& outcome) {
  if (outcome.in_l2 == older_value::stays) co_return;
  co_await invalidations_.drop_in_l2(target.key, outcome.in_l2 == older_value::expires);
}

task<> fill_committer::fill_behind(behind what) {
  auto& state = *what.state;
  const auto filled = co_await state.l2.fill(std::move(what.for_l2));
  if (filled) what.lease.spent();
  state.admission.wake(what.of.text());
  if (filled && *filled == fill_result::stored) co_return;
  // Its key was invalidated meanwhile, or may be without a notification. It was returned, and is not kept.
  state.memory.erase_if(what.of.hash(), what.of.text(),
                        [&](const void* current) { return current == what.entry.get(); });
  state.uncached_reads.note(what.of.hash(), what.entry->created);
  state.miss_reasons.note(what.of.hash(), filled ? miss_reason::fenced : miss_reason::l2_down);
}

task<fill_outcome> fill_committer::commit(const any_key& target, const fill_admission::ticket& held,
                                          factory_result value, l2_probe& probe) {
  auto fill = begin(target, std::move(value), probe);
  if (fill.for_l2 && state_.options.fill_l2_behind && !target.without_l1) {
    auto for_l2 = std::move(*fill.for_l2);
    fill.for_l2.reset();  // memory alone decides whether it is stored
    const auto entry = fill.value.entry;
    const auto outcome = finish(target, held, std::move(fill), probe);
    if (outcome.stored) {
      auto work =
          fill_behind({state_.shared(), target.key, entry, std::move(probe.lease), std::move(for_l2)});
      start(nullptr, std::move(work), [](const completion<void>&) {});
    }
    co_return outcome;
  }
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
  if (fill.clears_l2) co_await make_way(target, fill);
  const auto outcome = finish(target, held, std::move(fill), probe);
  co_await clear_l2(target, outcome);
  co_return outcome;
}

}  // namespace strata::detail
