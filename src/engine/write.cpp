/// Writing: values that are known, not computed by a factory.

#include "engine/engine.hpp"

namespace strata::detail {

task<engine::write> engine::begin_write(key where) {
  write out;
  out.held = gate_.enter(where);
  out.began = commit_clock().load();
  if (has_second_level() && where.cacheable()) {
    const auto lease = co_await options_.second_level->force_lease(l2_key(where), options_.lease);
    if (answered(lease)) out.lease = *lease;
  }
  co_return out;
}

task<bool> engine::finish_write(write right, any_key where, any_value value) {
  if (!where.key.cacheable()) co_return false;
  const auto started = now();
  // The commit is behind us: every value read before now is older than ours.
  const auto floor = tick();
  const bool absent = value == nullptr;
  const auto entry = make_record(where, std::move(value), floor, std::nullopt, {});
  bool wanted = !(absent && where.rules->negative_ttl == duration::zero());
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
        gate_.admit_write(right.held, right.began, floor, remembered) == gate::verdict::entered && wanted;
  } else {
    const auto name = l2_key(where.key);
    bool in_second_level = false;
    if (wanted && right.lease != 0) {
      const auto bytes = encode(*entry);

      const fill_request request{.key = name,
                                 .lease = right.lease,
                                 .asof = floor,
                                 .bytes = bytes,
                                 .ttl = entry->fresh_until - entry->created};
      const auto filled = co_await options_.second_level->fill(request);
      in_second_level = answered(filled) && *filled == fill_result::stored;
    }
    if (!in_second_level) answered(co_await options_.second_level->invalidate({&name, 1}, floor));
    const auto verdict = gate_.admit_write(right.held, right.began, floor,
                                           [&](bool may) { remembered(may && in_second_level); });
    stored = in_second_level && verdict != gate::verdict::fenced;
    if (in_second_level && !stored) {
      answered(co_await options_.second_level->invalidate({&name, 1}, tick()));
    }
  }
  departures_.note(where.key.hash(), miss_reason::removed);
  counters_.count(where.type, stored ? &type_cells::fills : &type_cells::fills_fenced);
  counters_.time(operation::set, now() - started);
  co_return stored;
}

}  // namespace strata::detail
