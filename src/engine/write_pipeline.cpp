#include "engine/write_pipeline.hpp"

#include "core/text_hash.hpp"

#include <algorithm>

namespace strata::detail {

write_pipeline::unfinished::~unfinished() {
  if (of_.empty()) return;
  invalidation unknown;
  for (const auto& each : of_) unknown.keys.push_back(each.key);
  by_.invalidate_behind(std::move(unknown));
}

write_right write_pipeline::enter(const key& key) {
  write_right out;
  out.known_since = state_.now();
  out.ticket = state_.admission.enter(key);
  out.began = out.known_asof = state_.clock.now();
  return out;
}

void write_pipeline::take_lease(write_right& right, const key& key, const result<lease_grant>& lease,
                                bool value_known) {
  if (lease) right.lease = fill_lease(state_, key, *lease);
  right.began = right.lease.asof(state_.clock);
  if (value_known) {
    // A process that changed the key before we had the lease has not fenced it.
    right.overtaken = state_.admission.overtaken(right.ticket, right.known_asof);
  } else {
    right.known_asof = right.began;
    state_.admission.lead_writers(right.ticket);
  }
}

task<write_right> write_pipeline::begin(key key, bool value_known) {
  auto out = enter(key);
  if (state_.has_second_level() && key.cacheable()) {
    take_lease(out, key, co_await state_.l2.force_lease(state_.l2_key(key)), value_known);
  }
  co_return out;
}

task<std::vector<write_right>> write_pipeline::begin_many(std::vector<key> keys, bool value_known) {
  std::vector<write_right> out;
  std::vector<std::size_t> leased;
  std::vector<std::string> names;
  out.reserve(keys.size());
  for (std::size_t i = 0; i < keys.size(); ++i) {
    out.push_back(enter(keys[i]));
    if (!state_.has_second_level() || !keys[i].cacheable()) continue;
    leased.push_back(i);
    names.push_back(state_.l2_key(keys[i]));
  }
  if (names.empty()) co_return out;
  const auto leases = co_await state_.l2.force_lease_many(std::move(names));
  for (std::size_t n = 0; n < leased.size(); ++n) {
    const auto i = leased[n];
    take_lease(out[i], keys[i], leases ? result<lease_grant>((*leases)[n]) : std::unexpected(leases.error()),
               value_known);
  }
  co_return out;
}

task<commit_time> write_pipeline::drop_in_l2(const key& key, commit_time floor) {
  second_level::change change{.names = {state_.l2_key(key)}, .floors = {}, .floor = floor};
  const auto delivered = co_await state_.l2.invalidate(std::move(change), {});
  if (!delivered) invalidations_.forget_undelivered(key);
  co_return delivered.value_or(floor);
}

write_pipeline::pending_write write_pipeline::prepare(write_right right, const any_key& target,
                                                      any_value value) {
  // The commit is behind us: every value read before now is older than ours. Ours is as of the
  // time before the commit, so that everything invalidated since then takes it along.
  pending_write out{
      .right = std::move(right), .target = target, .started = state_.now(), .floor = state_.clock.tick()};
  const bool absent = value == nullptr;
  out.entry =
      records_.make(target, std::move(value), fill_context(out.right.began),
                    {.began = out.right.known_since, .order = state_.admission.next_read(), .written = true});
  const auto& floors = out.entry->floors;
  const auto known_asof = out.right.known_asof;
  const bool on = state_.enabled.load(std::memory_order_relaxed);
  out.refused =
      !on || !state_.may_cache(target) || (absent && target.policy->negative_ttl == duration::zero());
  out.wanted = !out.refused && !out.right.overtaken &&
               floors.check(state_.floors, known_asof) == miss_reason::none &&
               floors.check_soft(state_.floors, known_asof) == miss_reason::none;
  if (out.wanted && record_builder::too_large(target, *out.entry, 0)) {
    out.too_large = true;
    out.wanted = false;
  }
  if (!state_.has_second_level() || !out.wanted || !out.right.lease) return out;
  const bool secret = !records_.may_share(target);
  out.withheld = secret || target.without_l2;
  if (secret) state_.counters.count(target.type, &type_cells::fills_withheld);
  if (out.withheld) return out;
  auto bytes = records_.encode(target, *out.entry);
  if (!bytes) {
    state_.note_unstorable(target, bytes.error());
    out.refused = true;
    out.wanted = false;
    return out;
  }
  out.for_l2 = {.name = state_.l2_key(target.key),
                .lease = out.right.lease.token(),
                .asof = out.right.began,
                .bytes = std::move(*bytes),
                .until = out.entry->stale_until};
  state_.l2.note_written(out.for_l2->name);
  return out;
}

void write_pipeline::note_l2(pending_write& write, const result<fill_result>& filled) {
  if (filled) write.right.lease.spent();
  write.in_l2 = filled && *filled == fill_result::stored;
}

task<bool> write_pipeline::commit(pending_write write) {
  const auto& key = write.target.key;
  auto floor = write.floor;
  bool in_memory = false;
  const auto replace = [&](bool may_store) {
    state_.memory.erase_if(key.hash(), key.text(), [&](const void* current) {
      return static_cast<const record*>(current)->asof < floor;
    });
    if (!may_store || !write.wanted || write.target.without_l1) return;
    in_memory = memory_.keep(key, write.entry);
    if (!in_memory && !write.in_l2) write.too_large = true;
  };
  using verdict = fill_admission::verdict;
  const auto& right = write.right;
  bool stored = false;
  if (!state_.has_second_level()) {
    state_.admission.admit_write(right.ticket, right.known_asof, floor, replace);
    stored = in_memory;
  } else {
    if (!write.in_l2) {
      // Before L2 is invalidated, as in remove. A withheld value stays in memory, and must not be fenced.
      if (!write.withheld) invalidations_.forget(key, floor, miss_reason::removed);
      const auto dropped = co_await drop_in_l2(key, floor);
      if (!write.withheld) floor = dropped;
    }
    const bool keeps = write.in_l2 || write.withheld;
    const auto admitted = state_.admission.admit_write(right.ticket, right.known_asof, floor,
                                                       [&](bool may_store) { replace(may_store && keeps); });
    stored = write.in_l2 ? admitted != verdict::fenced : in_memory;
    if (write.in_l2 && !stored) {
      const auto dropped = co_await drop_in_l2(key, state_.clock.tick());
      invalidations_.forget(key, dropped, miss_reason::removed);
    }
    state_.admission.wake(key.text());
  }
  if (stored) state_.failures.forget(key.text());
  // What was there is gone, whether or not the value is stored.
  state_.miss_reasons.note(key.hash(), write.too_large ? miss_reason::too_large : miss_reason::removed);
  if (stored) {
    state_.counters.count(write.target.type, &type_cells::fills);
    state_.hook(&cache_observer::on_set, key.text(), write.entry->fresh_until - write.entry->created);
  } else if (write.too_large) {
    state_.counters.count(write.target.type, &type_cells::fills_too_large);
  } else if (!write.refused) {
    state_.counters.count(write.target.type, &type_cells::fills_fenced);
  }
  state_.counters.time(operation::set, state_.now() - write.started);
  co_return stored;
}

task<bool> write_pipeline::finish(write_right right, any_key target, any_value value) {
  if (!target.key.cacheable()) co_return false;
  unfinished writing(invalidations_, {&target, 1});
  auto write = prepare(std::move(right), target, std::move(value));
  if (write.for_l2) note_l2(write, co_await state_.l2.fill(std::move(*write.for_l2)));
  const bool stored = co_await commit(std::move(write));
  writing.ended();
  co_return stored;
}

task<bool> write_pipeline::set(any_key target, any_value value) {
  if (!state_.may_cache(target)) co_return false;
  unfinished writing(invalidations_, {&target, 1});
  auto right = co_await begin(target.key, true);
  writing.ended();
  co_return co_await finish(std::move(right), target, std::move(value));
}

task<std::size_t> write_pipeline::set_many(std::span<const any_key> keys, std::vector<any_value> values) {
  // Of several values for one key the last counts: an earlier one would only be in its way.
  text_map<std::string_view, std::size_t> last;
  for (std::size_t i = 0; i < keys.size(); ++i) last.insert_or_assign(keys[i].key.text(), i);
  std::vector<std::size_t> wanted;
  std::vector<key> to_write;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (!state_.may_cache(keys[i]) || last.at(keys[i].key.text()) != i) continue;
    wanted.push_back(i);
    to_write.push_back(keys[i].key);
  }
  unfinished writing(invalidations_, keys);
  auto rights = co_await begin_many(std::move(to_write), true);
  writing.ended();
  std::vector<any_key> targets;
  std::vector<any_value> to_store;
  for (const auto i : wanted) {
    targets.push_back(keys[i]);
    to_store.push_back(std::move(values[i]));
  }
  const auto stored = co_await finish_many(std::move(rights), targets, std::move(to_store));
  co_return static_cast<std::size_t>(std::ranges::count(stored, true));
}

task<std::vector<bool>> write_pipeline::finish_many(std::vector<write_right> rights,
                                                    std::span<const any_key> targets,
                                                    std::vector<any_value> values) {
  unfinished writing(invalidations_, targets);
  std::vector<bool> stored(targets.size());
  std::vector<std::size_t> of_target;
  std::vector<pending_write> writes;
  std::vector<second_level::entry> for_l2;
  writes.reserve(targets.size());
  for (std::size_t i = 0; i < targets.size(); ++i) {
    if (!targets[i].key.cacheable()) continue;
    of_target.push_back(i);
    writes.push_back(prepare(std::move(rights[i]), targets[i], std::move(values[i])));
    if (writes.back().for_l2) for_l2.push_back(std::move(*writes.back().for_l2));
  }
  result<std::vector<fill_result>> filled;
  if (!for_l2.empty()) filled = co_await state_.l2.fill_many(std::move(for_l2));
  std::size_t nth = 0;
  for (std::size_t w = 0; w < writes.size(); ++w) {
    auto& each = writes[w];
    if (each.for_l2) {
      note_l2(each, filled ? result<fill_result>((*filled)[nth]) : std::unexpected(filled.error()));
      ++nth;
    }
    stored[of_target[w]] = co_await commit(std::move(each));
  }
  writing.ended();
  co_return stored;
}

task<bool> write_pipeline::touch(key key, duration ttl) {
  ttl = std::clamp(ttl, duration::zero(), policy::max_ttl);
  auto window = memory_.touch(key, ttl);
  const bool touched = window.has_value();
  if (!state_.has_second_level()) co_return touched;
  const auto name = state_.l2_key(key);
  if (!window) {
    if (const auto stored = co_await state_.l2.get(name); stored && *stored) {
      window = records_.fresh_window(key, **stored);
    }
    if (!window) co_return false;
  }
  // L2 counts to the end of the time in which the value may be served stale.
  const auto there = co_await state_.l2.touch(name, ttl + *window);
  co_return touched || (there && *there);
}

}  // namespace strata::detail
