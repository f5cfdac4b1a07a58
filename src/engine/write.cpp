/// Writing: values that are known, not computed by a factory.

#include "engine/engine.hpp"

namespace strata::detail {

engine::write engine::enter_write(const key& where) {
  write out;
  out.since = now();
  out.held = gate_.enter(where);
  out.began = out.known = clock_.now();
  return out;
}

void engine::take_right(write& of, const key& where, const result<lease_grant>& lease, bool known_now) {
  if (lease) of.lease = holding(where, *lease);
  of.began = asof_under(of.lease);
  if (known_now) {
    // Who has changed the key before we had the lease has not fenced it.
    of.overtaken = gate_.overtaken(of.held, of.known);
  } else {
    of.known = of.began;
    gate_.pass(of.held);
  }
}

task<engine::write> engine::begin_write(key where, bool known_now) {
  auto out = enter_write(where);
  if (has_second_level() && where.cacheable()) {
    take_right(out, where, co_await second_.force_lease(l2_key(where)), known_now);
  }
  co_return out;
}

task<std::vector<engine::write>> engine::begin_writes(std::vector<key> keys) {
  std::vector<write> out;
  std::vector<std::string> names;
  out.reserve(keys.size());
  for (const auto& each : keys) {
    out.push_back(enter_write(each));
    names.push_back(l2_key(each));
  }
  if (!has_second_level() || keys.empty()) co_return out;
  const auto leases = co_await second_.force_lease_many(std::move(names));
  for (std::size_t i = 0; i < keys.size(); ++i) {
    take_right(out[i], keys[i], leases ? result<lease_grant>((*leases)[i]) : std::unexpected(leases.error()),
               true);
  }
  co_return out;
}

void engine::give_up_write(std::shared_ptr<engine> self, key where) {
  auto removal = [](std::shared_ptr<engine> engine, key gone) -> task<> {
    co_await engine->remove({std::move(gone)});
  };
  start(nullptr, removal(std::move(self), std::move(where)), [](const completion<void>&) {});
}

task<commit_time> engine::drop_in_second_level(const key& where, commit_time floor) {
  std::vector<std::string> names{l2_key(where)};
  const auto done = co_await second_.invalidate(std::move(names), floor);
  if (!done) forget_untold(where);
  co_return done.value_or(floor);
}

engine::writing engine::ready_write(write right, const any_key& where, any_value value) {
  // The commit is behind us: every value read before now is older than ours. Ours is as of the
  // time before the commit, so that whatever was invalidated since then takes it along.
  writing out{.right = std::move(right), .where = where, .started = now(), .floor = clock_.tick()};
  const bool absent = value == nullptr;
  out.entry = make_record(where, std::move(value), fill_context(out.right.began), {out.right.since});
  const auto& floors = out.entry->floors;
  out.wanted = !(absent && where.rules->negative_ttl == duration::zero()) && !out.right.overtaken &&
               floors.check(floors_, out.right.known) == miss_reason::none &&
               floors.check_soft(floors_, out.right.known) == miss_reason::none;
  if (out.wanted && too_large(where, *out.entry, 0)) {
    counters_.count(where.type, &type_cells::fills_too_large);
    out.wanted = false;
  }
  if (!has_second_level() || !out.wanted || !out.right.lease) return out;
  out.withheld = !may_share(where);
  if (out.withheld) {
    counters_.count(where.type, &type_cells::fills_withheld);
    return out;
  }
  out.fill = {.name = l2_key(where.key),
              .lease = out.right.lease.token(),
              .asof = out.right.began,
              .bytes = encode(where, *out.entry),
              .until = out.entry->stale_until};
  second_.note_written(out.fill->name);
  return out;
}

void engine::take_filled(writing& value, const result<fill_result>& filled) {
  if (filled) value.right.lease.spent();
  value.in_second_level = filled && *filled == fill_result::stored;
}

task<bool> engine::end_write(writing value) {
  const auto& key = value.where.key;
  auto floor = value.floor;
  const auto remembered = [&](bool may_store) {
    memory_.erase_if(key.hash(), key.text(),
                     [&](const void* current) { return static_cast<const record*>(current)->asof < floor; });
    if (may_store && value.wanted) keep(key, value.entry);
  };
  bool stored = false;
  if (!has_second_level()) {
    stored =
        gate_.admit_write(value.right.held, value.right.known, floor, remembered) == gate::verdict::entered &&
        value.wanted;
  } else {
    if (!value.in_second_level) {
      // Before the store is told, as in remove; but what stays in memory alone is not to be fenced.
      if (!value.withheld) forget(key, floor, miss_reason::removed);
      const auto dropped = co_await drop_in_second_level(key, floor);
      if (!value.withheld) floor = dropped;  // else the value goes into memory, and is not to be fenced
    }
    const bool keeps = value.in_second_level || value.withheld;
    const auto verdict = gate_.admit_write(value.right.held, value.right.known, floor,
                                           [&](bool may) { remembered(may && keeps); });
    stored = keeps && verdict != gate::verdict::fenced;
    if (value.in_second_level && !stored) {
      const auto dropped = co_await drop_in_second_level(key, clock_.tick());
      forget(key, dropped, miss_reason::removed);
    }
    gate_.wake(key.text());
  }
  departures_.note(key.hash(), miss_reason::removed);
  counters_.count(value.where.type, stored ? &type_cells::fills : &type_cells::fills_fenced);
  counters_.time(operation::set, now() - value.started);
  co_return stored;
}

task<bool> engine::finish_write(write right, any_key where, any_value value) {
  if (!where.key.cacheable()) co_return false;
  auto ready = ready_write(std::move(right), where, std::move(value));
  if (ready.fill) take_filled(ready, co_await second_.fill(std::move(*ready.fill)));
  co_return co_await end_write(std::move(ready));
}

}  // namespace strata::detail
