/// How a value that a factory made gets in: into L2 under its lease, then through the gate into memory.

#include "engine/engine.hpp"

namespace strata::detail {

engine::placing engine::begin_place(const any_key& where, made what, const asked& second) {
  placing out{.what = std::move(what)};
  auto& [entry, keep, why_not] = out.what;
  if (!keep) out.out.reason = why_not;
  if (out.out.reason == miss_reason::too_large) {
    counters_.count(where.type, &type_cells::fills_too_large);
    departures_.note(where.key.hash(), miss_reason::too_large);
  }
  std::string bytes;
  const bool withheld = keep && !may_share(where);
  if (keep && !withheld && second.lease) bytes = encode(where, *entry);
  if (keep && too_large(where, *entry, bytes.size())) {
    counters_.count(where.type, &type_cells::fills_too_large);
    departures_.note(where.key.hash(), miss_reason::too_large);
    out.out.reason = miss_reason::too_large;
    keep = false;
  }
  if (!has_second_level()) return out;
  // Without the lease, or the store, nobody would tell us when the value becomes old.
  if (!second.lease || !second.up) keep = false;
  if (keep && withheld) counters_.count(where.type, &type_cells::fills_withheld);
  if (keep && !withheld) {
    out.fill = {.name = l2_key(where.key),
                .lease = second.lease.token(),
                .asof = entry->asof,
                .bytes = std::move(bytes),
                .until = entry->stale_until};
  }
  return out;
}

void engine::take_filled(const any_key& where, placing& value, asked& second,
                         const result<fill_result>& filled) {
  if (filled) second.lease.spent();
  gate_.wake(where.key.text());
  value.refused = filled && *filled != fill_result::stored;
  value.what.keep = filled && !value.refused;
  if (value.refused && *filled == fill_result::older) counters_.count(where.type, &type_cells::fills_older);
}

engine::placed engine::end_place(const any_key& where, const gate::ticket& held, placing value) {
  auto& out = value.out;
  const auto& entry = value.what.entry;
  const auto verdict = admit(held, where.key, entry, value.what.keep);
  out.usable = verdict == gate::verdict::entered && !value.refused;
  out.stored = value.what.keep && verdict != gate::verdict::fenced;
  if (out.stored) {
    counters_.count(where.type, &type_cells::fills);
    if (options_.observer != nullptr) {
      options_.observer->on_fill(where.key.text(), entry->fresh_until - entry->created);
    }
  } else {
    unkept_.note(where.key.hash(), entry->created);
    if (!out.usable) {
      counters_.count(where.type, &type_cells::fills_fenced);
      out.reason = miss_reason::fenced;
    }
  }
  return out;
}

task<engine::placed> engine::place(const any_key& where, const gate::ticket& held, made what, asked& second) {
  auto value = begin_place(where, std::move(what), second);
  if (value.fill) {
    if (mutated(mutation::lease_late)) {
      if (const auto late = co_await second_.force_lease(value.fill->name)) {
        value.fill->lease = late->lease;
        value.fill->asof = late->granted_at;
      }
    }
    const auto filled = co_await second_.fill(std::move(*value.fill));
    take_filled(where, value, second, filled);
  }
  co_return end_place(where, held, std::move(value));
}

}  // namespace strata::detail
