/// Many keys at once: one L2 round trip, and one factory call for all that missed.
///
/// A batch first leads the flights it can (those nobody leads), completes them all, and only then
/// follows the others'. So two batches that overlap never wait for each other. A batch does not
/// refresh in the background: a value that is due is served, one that is stale is a miss, and
/// stands in under fail-safe if the factory fails.

#include "engine/engine.hpp"

#include <algorithm>
#include <stdexcept>
#include <unordered_map>

namespace strata::detail {

struct engine::batch {
  std::span<const any_key> keys;
  time_point began{};
  time_point called{};  ///< when the factory was called
  std::vector<any_lookup> out;

  struct led {
    std::size_t index;
    gate::joined flight;
    asked second;
  };
  struct followed {
    std::size_t index;
    std::shared_ptr<flight> way;
  };
  std::vector<led> leads;
  std::vector<followed> follows;
  std::vector<std::size_t> alone;    ///< loaded without a flight
  std::vector<std::size_t> missing;  ///< what the factory is asked for: `alone`, then `fills`
  std::vector<led*> fills;
};

task<std::vector<any_lookup>> engine::get_many(std::span<const any_key> keys) {
  std::vector<any_lookup> out;
  std::vector<std::size_t> missed;
  std::vector<std::string> names;
  std::vector<gate::ticket> held;
  out.reserve(keys.size());
  for (std::size_t i = 0; i < keys.size(); ++i) {
    auto found = find(keys[i]);
    if (found.info.from == layer::none) {
      if (has_second_level() && keys[i].cacheable()) {
        missed.push_back(i);
        names.push_back(l2_key(keys[i].key));
        held.push_back(gate_.enter(keys[i].key));
      } else {
        found = give_up(keys[i], std::move(found));
      }
    }
    out.push_back(std::move(found));
  }
  if (missed.empty()) co_return out;
  const auto told = second_.source_watermark();
  const auto stored = co_await second_.get_many(std::move(names));
  const bool up = stored.has_value();
  for (std::size_t m = 0; m < missed.size(); ++m) {
    const auto& where = keys[missed[m]];
    auto& lookup = out[missed[m]];
    if (!up || !(*stored)[m]) {
      if (!up) lookup.info.reason = miss_reason::l2_down;
      lookup = give_up(where, std::move(lookup));
      continue;
    }
    const auto entry = decode(where, *(*stored)[m]);
    const auto stands = entry ? judge(where, **entry, now(), told) : judgement{state::gone, entry.error()};
    if (stands.is == state::fresh) {
      admit(held[m], where.key, *entry, true);
      lookup = hit(where, *entry, layer::l2, now());
    } else {
      lookup.info.reason = stands.why;
      lookup = give_up(where, std::move(lookup));
    }
  }
  co_return out;
}

task<> engine::lead_batch(batch& work, any_batch_factory& factory) {
  work.missing = work.alone;
  work.fills.clear();
  if (has_second_level() && !work.leads.empty()) {
    std::vector<std::string> names;
    for (auto& each : work.leads) {
      gate_.renew(each.flight.lead);
      names.push_back(l2_key(work.keys[each.index].key));
    }
    const auto told = second_.source_watermark();
    auto answers = co_await second_.acquire_many(std::move(names));
    for (std::size_t i = 0; i < work.leads.size(); ++i) {
      work.leads[i].second =
          heard(work.keys[work.leads[i].index],
                answers ? result<acquire_result>((*answers)[i]) : std::unexpected(answers.error()), told);
    }
  }
  for (auto& each : work.leads) {
    const auto& where = work.keys[each.index];
    auto& lookup = work.out[each.index];
    if (each.second.reason != miss_reason::none) lookup.info.reason = each.second.reason;
    if (each.second.entry == nullptr) {
      work.missing.push_back(each.index);
      work.fills.push_back(&each);
      continue;
    }
    const bool entered =
        admit(each.flight.lead, where.key, each.second.entry, true) == gate::verdict::entered;
    lookup = hit(where, each.second.entry, layer::l2, now());
    land(each.flight, lookup, entered, each.second.entry->fresh_until);
  }
  if (work.missing.empty()) co_return;

  for (const auto index : work.missing) count_miss(work.keys[index], work.out[index].info.reason);
  result<std::vector<any_value>> values =
      fail(errc::busy, "too many factories are running, and too many wait");
  std::exception_ptr thrown;
  const auto turn = co_await bulkhead_.enter();
  auto asof = clock_.now();
  for (const auto* each : work.fills) asof = std::min(asof, asof_under(each->second.lease));
  fill_context context(asof);
  work.called = now();
  const door::guest inside(factories_);
  if (!inside) values = fail(errc::busy, no_more_factories);
  if (turn && inside) {
    counters_.count(work.keys[work.missing.front()].type, &type_cells::factory_calls);
    try {
      values = co_await factory(work.missing, context);
      if (values && values->size() != work.missing.size()) {
        throw std::length_error("the factory of get_or_set_many returned " + std::to_string(values->size()) +
                                " values for " + std::to_string(work.missing.size()) + " keys");
      }
    } catch (...) {
      thrown = std::current_exception();
    }
  }
  context.asof_ = std::min(context.asof_, asof);  // as in run_factory
  if (context.failure_) values = std::unexpected(*context.failure_);
  if (thrown == nullptr && values) {
    co_await settle_batch(work, std::move(*values), context);
  } else {
    const auto failure =
        thrown != nullptr ? nullptr : std::make_shared<const error>(std::move(values.error()));
    fail_batch(work, failure, thrown);
    if (thrown != nullptr) std::rethrow_exception(thrown);
  }
}

void engine::fail_batch(batch& work, const std::shared_ptr<const error>& failure, std::exception_ptr thrown) {
  for (const auto index : work.missing) {
    work.out[index].failure = failure;
    note_failure(work.keys[index], failure != nullptr ? *failure : error{errc::factory_failed, "it threw"});
  }
  for (auto* each : work.fills) {
    const auto& where = work.keys[each->index];
    auto& lookup = work.out[each->index];
    each->second.lease = {};
    const auto stale = each->second.stale != nullptr ? each->second.stale : standby(where);
    if (fall_back(where, each->flight, stale, lookup.info.reason)) {
      lookup = each->flight.way->outcome;
      continue;
    }
    each->flight.way->thrown = thrown;
    land(each->flight, lookup, true);
  }
}

task<> engine::settle_batch(batch& work, std::vector<any_value> values, const fill_context& context) {
  const auto alone = work.alone.size();
  std::vector<placing> ready;
  std::vector<second_level::filling> fillings;
  ready.reserve(work.fills.size());
  for (std::size_t m = 0; m < work.missing.size(); ++m) {
    const auto& where = work.keys[work.missing[m]];
    auto what = finish_factory(where, std::move(values[m]), context, nullptr, {work.called});
    if (m < alone) {
      auto& lookup = work.out[work.missing[m]];
      unkept_.note(where.key.hash(), what.entry->created);
      lookup = lookup_of(what.entry, {.from = layer::source, .reason = lookup.info.reason}, now());
      continue;
    }
    ready.push_back(begin_place(where, std::move(what), work.fills[m - alone]->second));
    if (ready.back().fill) fillings.push_back(std::move(*ready.back().fill));
  }
  result<std::vector<fill_result>> filled;
  if (!fillings.empty()) filled = co_await second_.fill_many(std::move(fillings));
  std::size_t nth = 0;
  for (std::size_t f = 0; f < ready.size(); ++f) {
    auto& each = *work.fills[f];
    const auto& where = work.keys[each.index];
    auto& lookup = work.out[each.index];
    if (ready[f].fill) {
      take_filled(where, ready[f], each.second,
                  filled ? result<fill_result>((*filled)[nth]) : std::unexpected(filled.error()));
      ++nth;
    }
    const auto entry = ready[f].what.entry;
    const auto outcome = end_place(where, each.flight.lead, std::move(ready[f]));
    read_info info{.from = layer::source, .reason = lookup.info.reason, .stored = outcome.stored};
    if (outcome.reason != miss_reason::none) info.reason = outcome.reason;
    lookup = lookup_of(entry, info, now());
    land(each.flight, lookup, outcome.usable, entry->fresh_until);
  }
}

task<> engine::fill_batch(batch& work, any_batch_factory& factory) {
  co_await lead_batch(work, factory);
  work.leads.clear();
  work.alone.clear();
  for (auto& each : work.follows) {
    co_await each.way->done.wait();
    auto& lookup = work.out[each.index];
    if (good_for(*each.way, work.began) && !behind(work.keys[each.index], *each.way)) {
      lookup = follow(work.keys[each.index], *each.way, false);
      if (!lookup.info.hit()) count_miss(work.keys[each.index], lookup.info.reason);
    } else {
      auto found = find(work.keys[each.index]);
      if (found.info.from != layer::none) {
        lookup = std::move(found);
      } else {
        work.alone.push_back(each.index);
      }
    }
  }
  work.follows.clear();
  // What was fenced while we followed is loaded once more, without a flight and without a fill.
  if (!work.alone.empty()) co_await lead_batch(work, factory);
}

task<std::vector<any_lookup>> engine::fill_many(std::span<const any_key> keys, any_batch_factory factory) {
  const auto began = now();
  batch work;
  work.keys = keys;
  work.began = began;
  work.out.reserve(keys.size());
  for (std::size_t i = 0; i < keys.size(); ++i) {
    auto found = find(keys[i]);
    if (found.info.from == layer::none) {
      if (!keys[i].cacheable()) {
        work.alone.push_back(i);
      } else if (auto flight = gate_.join(keys[i].key, began); !flight.leads) {
        work.follows.push_back({i, flight.way});
      } else if (auto again = find(keys[i]); again.info.from != layer::none) {
        found = std::move(again);
        land(flight, {}, false);
      } else {
        work.leads.push_back({i, std::move(flight), {}});
      }
    }
    work.out.push_back(std::move(found));
  }
  if (!work.leads.empty() || !work.alone.empty() || !work.follows.empty()) {
    co_await fill_batch(work, factory);
    counters_.time(operation::get_or_set, now() - began);
  }
  co_return std::move(work.out);
}

task<std::size_t> engine::set_many(std::span<const any_key> keys, std::vector<any_value> values) {
  // Of several values for one key the last counts: an earlier one would only be in its way.
  std::unordered_map<std::string_view, std::size_t> last;
  for (std::size_t i = 0; i < keys.size(); ++i) last.insert_or_assign(keys[i].key.text(), i);
  std::vector<std::size_t> wanted;
  std::vector<key> names;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (!keys[i].cacheable() || last.at(keys[i].key.text()) != i) continue;
    wanted.push_back(i);
    names.push_back(keys[i].key);
  }
  auto rights = co_await begin_writes(std::move(names));
  std::vector<writing> ready;
  std::vector<second_level::filling> fillings;
  ready.reserve(wanted.size());
  for (std::size_t w = 0; w < wanted.size(); ++w) {
    ready.push_back(ready_write(std::move(rights[w]), keys[wanted[w]], std::move(values[wanted[w]])));
    if (ready.back().fill) fillings.push_back(std::move(*ready.back().fill));
  }
  result<std::vector<fill_result>> filled;
  if (!fillings.empty()) filled = co_await second_.fill_many(std::move(fillings));
  std::size_t nth = 0;
  std::size_t stored = 0;
  for (auto& each : ready) {
    if (each.fill) {
      take_filled(each, filled ? result<fill_result>((*filled)[nth]) : std::unexpected(filled.error()));
      ++nth;
    }
    if (co_await end_write(std::move(each))) ++stored;
  }
  co_return stored;
}

}  // namespace strata::detail
