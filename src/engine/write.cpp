/// Writing: values that are known, not computed by a factory.

#include "engine/engine.hpp"

namespace strata::detail {

task<engine::write> engine::begin_write(key where, bool known_now) {
  write out;
  out.since = now();
  out.held = gate_.enter(where);
  out.began = out.known = clock_.now();
  if (has_second_level() && where.cacheable()) {
    const auto lease = co_await second_.force_lease(l2_key(where));
    if (lease) out.lease = holding(where, *lease);
    out.began = asof_under(out.lease);
    if (!known_now) out.known = out.began;
    // Who has changed the key before we had the lease has not fenced it.
    out.overtaken = known_now && gate_.overtaken(out.held, out.known);
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

task<bool> engine::finish_write(write right, any_key where, any_value value) {
  if (!where.key.cacheable()) co_return false;
  const auto started = now();
  // The commit is behind us: every value read before now is older than ours. Ours is as of the
  // time before the commit, so that whatever was invalidated since then takes it along.
  auto floor = clock_.tick();
  const bool absent = value == nullptr;
  const auto entry = make_record(where, std::move(value), fill_context(right.began), {right.since});
  bool wanted = !(absent && where.rules->negative_ttl == duration::zero()) && !right.overtaken &&
                entry->floors.check(floors_, right.known) == miss_reason::none &&
                entry->floors.check_soft(floors_, right.known) == miss_reason::none;
  if (wanted && too_large(where, *entry, 0)) {
    counters_.count(where.type, &type_cells::fills_too_large);
    wanted = false;
  }
  const auto remembered = [&](bool may_store) {
    memory_.erase_if(where.key.hash(), where.key.text(),
                     [&](const void* current) { return static_cast<const record*>(current)->asof < floor; });
    if (may_store && wanted) keep(where.key, entry);
  };
  bool stored = false;
  if (!has_second_level()) {
    stored =
        gate_.admit_write(right.held, right.known, floor, remembered) == gate::verdict::entered && wanted;
  } else {
    bool in_second_level = false;
    const bool withheld = wanted && right.lease && !may_share(where);
    if (withheld) counters_.count(where.type, &type_cells::fills_withheld);
    if (wanted && !withheld && right.lease) {
      second_level::filling filling{.name = l2_key(where.key),
                                    .lease = right.lease.token(),
                                    .asof = right.began,
                                    .bytes = encode(where, *entry),
                                    .until = entry->stale_until};
      second_.note_written(filling.name);
      const auto filled = co_await second_.fill(std::move(filling));
      if (filled) right.lease.spent();
      in_second_level = filled && *filled == fill_result::stored;
    }
    if (!in_second_level) {
      // Before the store is told, as in remove; but what stays in memory alone is not to be fenced.
      if (!withheld) forget(where.key, floor, miss_reason::removed);
      const auto dropped = co_await drop_in_second_level(where.key, floor);
      if (!withheld) floor = dropped;  // else the value goes into memory, and is not to be fenced
    }
    const bool keeps = in_second_level || withheld;
    const auto verdict =
        gate_.admit_write(right.held, right.known, floor, [&](bool may) { remembered(may && keeps); });
    stored = keeps && verdict != gate::verdict::fenced;
    if (in_second_level && !stored) {
      const auto dropped = co_await drop_in_second_level(where.key, clock_.tick());
      forget(where.key, dropped, miss_reason::removed);
    }
  }
  if (has_second_level()) gate_.wake(where.key.text());
  departures_.note(where.key.hash(), miss_reason::removed);
  counters_.count(where.type, stored ? &type_cells::fills : &type_cells::fills_fenced);
  counters_.time(operation::set, now() - started);
  co_return stored;
}

}  // namespace strata::detail
