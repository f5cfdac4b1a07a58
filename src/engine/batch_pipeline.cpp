#include "engine/batch_pipeline.hpp"

#include <algorithm>

namespace strata::detail {

task<> batch_pipeline::probe_l2(batch& work) {
  std::vector<std::size_t> wanted;
  for (auto& each : work.leads) {
    state_.admission.renew(each.flight.lead);
    wanted.push_back(each.index);
  }
  auto probes = co_await with_.l2.probe_many(work.keys, wanted);
  for (std::size_t i = 0; i < work.leads.size(); ++i) {
    auto& each = work.leads[i];
    each.probe = std::move(probes[i]);
    auto& lookup = work.out[each.index];
    if (each.probe.reason != miss_reason::none) lookup.info.reason = each.probe.reason;
    if (each.probe.fresh == nullptr) continue;
    const auto& target = work.keys[each.index];
    const auto verdict =
        with_.memory.admit(each.flight.lead, target.key, each.probe.fresh, !target.without_l1);
    lookup = with_.reports.hit(target, each.probe.fresh, layer::l2, state_.now());
    state_.admission.land(each.flight, lookup, verdict == fill_admission::verdict::entered,
                          each.probe.fresh->fresh_until);
  }
  std::vector<l2_reader::unfit_value> unfit;
  for (auto& each : work.leads) {
    if (each.probe.unfit()) unfit.push_back({each.index, &each.probe});
  }
  if (unfit.empty()) co_return;
  co_await with_.l2.take_leases(work.keys, unfit);
  for (const auto& each : unfit) {
    if (!each.found->up) work.out[each.index].info.reason = each.found->reason;
  }
}

task<> batch_pipeline::complete(batch& work, any_batch_factory& factory) {
  if (state_.has_second_level() && !work.leads.empty()) co_await probe_l2(work);
  work.missing = work.alone;
  work.fills.clear();
  for (auto& each : work.leads) {
    if (each.probe.fresh != nullptr) continue;
    work.missing.push_back(each.index);
    work.fills.push_back(&each);
  }
  if (work.missing.empty()) co_return;

  for (const auto index : work.missing) {
    with_.reports.count_miss(work.keys[index], work.out[index].info.reason);
  }
  // The factory of all is as of the earliest lease, or as of its own beginning.
  auto asof = last_commit_time;
  for (const auto* each : work.fills) {
    each->flight.to->reads_source = true;
    if (const auto at = each->probe.lease.granted_at(); at != 0) asof = std::min(asof, at);
  }
  result<std::vector<factory_result>> values = fail(errc::factory_failed, "");
  std::exception_ptr thrown;
  failed_run failed;
  try {
    values = co_await with_.factories.run_many(work.keys, work.missing, factory, asof, failed);
  } catch (...) {
    thrown = std::current_exception();
  }
  if (thrown != nullptr) values = std::unexpected(error_of(thrown));
  if (values) {
    co_await settle(work, std::move(*values));
  } else {
    auto failure = std::make_shared<const error>(std::move(values.error()));
    co_await fail_all(work, std::move(failure), std::move(thrown), failed);
  }
}

task<> batch_pipeline::fail_all(batch& work, std::shared_ptr<const error> failure, std::exception_ptr thrown,
                                failed_run failed) {
  if (work.thrown == nullptr) work.thrown = thrown;
  for (const auto index : work.missing) {
    work.out[index].failure = failure;
    with_.reports.factory_failed(work.keys[index], *failure);
  }
  for (const auto index : work.alone) {
    if (!work.keys[index].cacheable() || failed.refuses_stale) continue;
    if (auto stale = with_.fallback.stand_in(work.keys[index], true)) work.out[index] = std::move(*stale);
  }
  for (auto* each : work.fills) {
    const auto& target = work.keys[each->index];
    auto& lookup = work.out[each->index];
    if (failed.refuses_stale) {
      co_await with_.commits.remove_refused(target, each->flight.lead, failed, each->probe);
    }
    each->probe.lease = {};
    const auto stale = each->probe.stale != nullptr ? each->probe.stale : with_.fallback.standby(target);
    if (!failed.refuses_stale && with_.fallback.land_stale(target, each->flight, stale, lookup.info.reason)) {
      lookup = each->flight.to->outcome;
      continue;
    }
    state_.admission.admit(
        each->flight.lead, failed.asof, 0, [] { return true; },
        [&] { with_.fallback.remember(target, {failure, thrown}, failed.asof); });
    each->flight.to->thrown = thrown;
    state_.admission.land(each->flight, lookup, true);
  }
}

task<> batch_pipeline::settle(batch& work, std::vector<factory_result> values) {
  const auto alone = work.alone.size();
  for (std::size_t a = 0; a < alone; ++a) {
    auto& lookup = work.out[work.alone[a]];
    const auto& entry = values[a].entry;
    const auto& key = work.keys[work.alone[a]].key;
    state_.uncached_reads.note(key.hash(), entry->created);
    state_.admission.detach_older(key, nullptr);
    const read_info info{.from = layer::source, .reason = lookup.info.reason};
    lookup = read_reporter::lookup_of(entry, info, state_.now());
  }
  std::vector<pending_fill> fills;
  std::vector<second_level::entry> for_l2;
  fills.reserve(work.fills.size());
  for (std::size_t f = 0; f < work.fills.size(); ++f) {
    const auto& each = *work.fills[f];
    state_.admission.detach_older(work.keys[each.index].key, each.flight.to.get());
    fills.push_back(with_.commits.begin(work.keys[each.index], std::move(values[alone + f]), each.probe));
    if (fills.back().for_l2) for_l2.push_back(std::move(*fills.back().for_l2));
  }
  result<std::vector<fill_result>> filled;
  if (!for_l2.empty()) filled = co_await state_.l2.fill_many(std::move(for_l2));
  std::size_t nth = 0;
  for (std::size_t f = 0; f < fills.size(); ++f) {
    auto& each = *work.fills[f];
    const auto& target = work.keys[each.index];
    auto& lookup = work.out[each.index];
    if (fills[f].for_l2) {
      with_.commits.note_l2(target, fills[f], each.probe,
                            filled ? result<fill_result>((*filled)[nth]) : std::unexpected(filled.error()));
      ++nth;
    }
    const auto entry = fills[f].value.entry;
    if (fills[f].clears_l2) co_await with_.commits.make_way(target, fills[f]);
    const auto outcome = with_.commits.finish(target, each.flight.lead, std::move(fills[f]), each.probe);
    co_await with_.commits.clear_l2(target, outcome);
    read_info info{.from = layer::source, .reason = lookup.info.reason, .stored = outcome.stored};
    if (outcome.reason != miss_reason::none) info.reason = outcome.reason;
    lookup = read_reporter::lookup_of(entry, info, state_.now());
    state_.admission.land(each.flight, lookup, outcome.usable, entry->fresh_until);
  }
}

bool batch_pipeline::known_failure_of(batch& work, std::size_t index) {
  const auto& target = work.keys[index];
  if (target.policy->failure_ttl == duration::zero()) return false;
  auto known = state_.failures.find(target.key, state_.now());
  if (!known) return false;
  with_.reports.count_miss(target, miss_reason::failed);
  if (work.thrown == nullptr) work.thrown = known->thrown;
  work.out[index].info.reason = miss_reason::failed;
  work.out[index].failure = std::move(known->what);
  return true;
}

void batch_pipeline::take(batch& work, std::size_t index, const flight& landed) {
  const auto& target = work.keys[index];
  auto& lookup = work.out[index];
  const bool failed = landed.thrown != nullptr || landed.outcome.failure != nullptr;
  if (auto stale = failed ? with_.fallback.stand_in(target, true) : std::nullopt) {
    lookup = std::move(*stale);
    return;
  }
  try {
    lookup = with_.reports.follow(target, landed, false);
  } catch (...) {
    if (work.thrown == nullptr) work.thrown = landed.thrown;
    lookup = read_reporter::failed(error_of(landed.thrown), lookup.info.reason);
  }
  if (!lookup.info.hit()) with_.reports.count_miss(target, lookup.info.reason);
}

task<> batch_pipeline::follow(batch& work) {
  for (auto& each : work.follows) {
    co_await each.to->done.wait();
    const auto& target = work.keys[each.index];
    auto& lookup = work.out[each.index];
    if (each.to->usable_for(work.began, target.required_asof)) {
      take(work, each.index, *each.to);
    } else if (auto found = with_.memory.find(target); found.info.from != layer::none) {
      lookup = std::move(found);
    } else {
      work.alone.push_back(each.index);
    }
  }
  work.follows.clear();
}

task<std::vector<any_lookup>> batch_pipeline::fill_many(std::span<const any_key> keys,
                                                        any_batch_factory factory) {
  batch work;
  work.keys = keys;
  work.began = state_.now();
  work.out.reserve(keys.size());
  for (std::size_t i = 0; i < keys.size(); ++i) {
    auto& found = work.out.emplace_back(with_.memory.find(keys[i]));
    if (found.info.from != layer::none) continue;
    if (!state_.caches(keys[i])) {
      work.alone.push_back(i);
    } else if (known_failure_of(work, i)) {
      continue;
    } else if (auto flight = state_.admission.join(keys[i].key, work.began); !flight.leads) {
      work.follows.push_back({i, flight.to});
    } else if (auto again = with_.memory.find(keys[i]); again.info.from != layer::none) {
      found = std::move(again);
      state_.admission.land(flight, {}, false);
    } else {
      work.leads.push_back({i, std::move(flight)});
    }
  }
  const bool known = work.leads.empty() && work.alone.empty() && work.follows.empty();
  if (known && work.thrown == nullptr) co_return std::move(work.out);
  co_await complete(work, factory);
  work.leads.clear();
  work.alone.clear();
  co_await follow(work);
  // A value that was fenced while we followed is loaded once more, without a flight and without a fill.
  if (!work.alone.empty()) co_await complete(work, factory);
  state_.counters.time(operation::get_or_set, state_.now() - work.began);
  const bool answered =
      std::ranges::any_of(work.out, [](const any_lookup& each) { return each.failure == nullptr; });
  if (work.thrown != nullptr && !answered) std::rethrow_exception(work.thrown);
  co_return std::move(work.out);
}

}  // namespace strata::detail
