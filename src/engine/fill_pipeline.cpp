#include "engine/fill_pipeline.hpp"

#include "async/timed_wait.hpp"

#include <algorithm>

namespace strata::detail {

namespace {

/// How often a follower whose flight was fenced joins another one before it loads without one.
constexpr int follow_attempts = 4;

/// How long a read waits for another process to fill its key: that process may be dead, and the source can
/// still answer before the reader's deadline.
duration longest_wait(const policy& rules, duration lease) {
  const auto wait = std::min<duration>(lease, std::chrono::seconds(1));
  return rules.hard_timeout > duration::zero() ? std::min(wait, rules.hard_timeout * 2 / 3) : wait;
}

}  // namespace

fill_pipeline::job::job(const any_key& target, any_factory factory, miss_reason reason, purpose why)
    : of(target.key),
      rules(target.policy),
      type(target.type),
      value(target.value_type),
      factory(std::move(factory)),
      reason(reason),
      why(why),
      required_asof(target.required_asof),
      without_l1(target.without_l1),
      without_l2(target.without_l2) {
}

record_ptr fill_pipeline::stale_of(const job& work) const {
  if (work.without_l1) return nullptr;
  auto found = with_.memory.peek(work.of);
  if (found != nullptr && with_.memory.judge(work.target(), *found, state_.now()).gone()) return nullptr;
  return found;
}

task<bool> fill_pipeline::change_reported(std::shared_ptr<async_latch> change, time_point until) {
  for (;;) {
    const auto end = std::min(state_.l2.trusted_until(), until);
    if (state_.now() >= end) co_return false;
    if (co_await timed_wait(change, *state_.options.timer, end)) co_return true;
  }
}

task<> fill_pipeline::wait_for_turn(const job& work, const fill_admission::joined& flight) {
  const std::shared_ptr<async_latch> over(flight.after, &flight.after->done);
  const auto until = state_.now() + longest_wait(*work.rules, state_.options.fill_lease);
  co_await timed_wait(over, *state_.options.timer, until);
}

task<std::optional<l2_probe>> fill_pipeline::probe_l2(job& work, fill_admission::joined& flight) {
  const auto target = work.target();
  l2_probe probe;
  const auto wish = work.why == purpose::refresh   ? l2_wish::own_lease
                    : work.why == purpose::renewal ? l2_wish::newer
                                                   : l2_wish::value;
  const auto patience = flight.to->began + longest_wait(*work.rules, state_.options.fill_lease);
  while (state_.has_second_level()) {
    state_.admission.renew(flight.lead);
    const auto change = state_.admission.next_change(flight.lead);
    work.stale = stale_of(work);  // another process may have removed it before the ticket was renewed
    probe = co_await with_.l2.probe(target, wish, work.stale);
    if (probe.fresh != nullptr) {
      const auto verdict = with_.memory.admit(flight.lead, work.of, probe.fresh, !work.without_l1);
      const auto good_until = probe.fresh->fresh_until;
      state_.admission.land(flight, with_.reports.hit(target, probe.fresh, layer::l2, state_.now()),
                            verdict == fill_admission::verdict::entered, good_until);
      co_return std::nullopt;
    }
    if (probe.stale != nullptr) work.stale = probe.stale;
    if (probe.reason != miss_reason::none) work.reason = probe.reason;
    if (work.why == purpose::renewal && !probe.lease) {
      // Another process has the refresh, and L2 will report it; or L2 is down, and would not take the value.
      with_.memory.leave_refresh(work.of);
      state_.admission.land(flight, {}, false);
      co_return std::nullopt;
    }
    if (!probe.busy || mutated(mutation::lease_ignored)) break;
    // Another process is filling; L2 reports the change when it has.
    if (!co_await change_reported(change, patience)) break;
  }
  co_return probe;
}

task<> fill_pipeline::fly(job& work, fill_admission::joined& flight) {
  const auto target = work.target();
  if (flight.after != nullptr) co_await wait_for_turn(work, flight);
  // Another caller may have filled between our look and our lead.
  const bool looks = work.why == purpose::fill && !work.without_l1;
  const auto there = looks ? with_.memory.peek(work.of) : nullptr;
  if (there != nullptr && with_.memory.judge(target, *there, state_.now()).fresh() &&
      with_.memory.admit(flight.lead, work.of, there, false) == fill_admission::verdict::entered) {
    state_.admission.land(flight, with_.reports.hit(target, there, layer::l1, state_.now()), true);
    co_return;
  }
  work.stale = stale_of(work);
  auto probe = co_await probe_l2(work, flight);
  if (!probe) co_return;
  result<factory_result> made = fail(errc::factory_failed, "");
  std::exception_ptr thrown;
  failed_run failed;
  flight.to->reads_source = true;
  try {
    made = co_await with_.factories.run(target, work.factory, work.stale, probe->lease.asof(state_.clock),
                                        failed);
  } catch (...) {
    thrown = std::current_exception();
    made = std::unexpected(error_of(thrown));
  }
  if (!made) {
    with_.reports.factory_failed(target, made.error());
    if (failed.refuses_stale) {
      co_await with_.commits.remove_refused(target, flight.lead, failed, *probe);
    }
    probe->lease = {};
    if (!failed.refuses_stale && with_.fallback.land_stale(target, flight, work.stale, work.reason))
      co_return;
    auto outcome = read_reporter::failed(std::move(made.error()), work.reason);
    if (work.why == purpose::fill) {
      state_.admission.admit(
          flight.lead, failed.asof, 0, [] { return true; },
          [&] { with_.fallback.remember(target, {outcome.failure, thrown}, failed.asof); });
    }
    flight.to->thrown = std::move(thrown);
    state_.admission.land(flight, std::move(outcome), true);
    co_return;
  }
  state_.admission.detach_older(work.of, flight.to.get());
  const auto entry = made->entry;
  const auto outcome = co_await with_.commits.commit(target, flight.lead, std::move(*made), *probe);
  read_info info{.from = layer::source, .reason = work.reason, .stored = outcome.stored};
  if (outcome.reason != miss_reason::none) info.reason = outcome.reason;
  state_.admission.land(flight, read_reporter::lookup_of(entry, info, state_.now()), outcome.usable,
                        entry->fresh_until);
}

task<> fill_pipeline::fly_behind(std::shared_ptr<engine_state> alive, fill_pipeline& self,
                                 std::unique_ptr<job> work, fill_admission::joined flight) {
  try {
    co_await self.fly(*work, flight);
  } catch (...) {
    flight.to->thrown = std::current_exception();
    alive->admission.land(flight, {}, false);
  }
}

void fill_pipeline::launch(std::unique_ptr<job> work, fill_admission::joined flight) {
  // Posted, not started here: a factory that blocks must not block the caller.
  state_.options.background->post(
      [alive = state_.shared(), this, work = std::move(work), flight = std::move(flight)]() mutable {
        auto* executor = alive->options.background;
        start(executor, fly_behind(std::move(alive), *this, std::move(work), std::move(flight)),
              [](const completion<void>&) {});
      });
}

task<fill_pipeline::wait_result> fill_pipeline::wait_for(const any_key& target,
                                                         std::shared_ptr<flight> flight, bool leads,
                                                         bool retried) {
  const auto& policy = *target.policy;
  const auto began = state_.now();
  const auto asof = state_.clock.now();
  const std::shared_ptr<async_latch> done(flight, &flight->done);
  wait_result out;
  if (policy.soft_timeout > duration::zero()) {
    // Counted from the flight's beginning: a follower of a flight that is already late need not wait again.
    const auto patience = flight->began + policy.soft_timeout;
    bool landed = done->is_set();
    if (!landed && began < patience) landed = co_await timed_wait(done, *state_.options.timer, patience);
    if (auto stale = landed ? std::nullopt : with_.fallback.stand_in(target, false)) {
      out.lookup = std::move(*stale);
      co_return out;
    }
  }
  if (policy.hard_timeout == duration::zero()) {
    co_await done->wait();
  } else if (!co_await timed_wait(done, *state_.options.timer, began + policy.hard_timeout)) {
    state_.admission.abandon(target.key, flight);
    error late{errc::timeout, "the factory took longer than the policy's hard_timeout"};
    if (leads) with_.reports.factory_failed(target, late);
    auto stale = with_.fallback.stand_in(target, true);
    out.lookup = stale ? std::move(*stale) : read_reporter::failed(std::move(late), miss_reason::absent);
    if (!stale) with_.fallback.remember(target, {.what = out.lookup.failure}, asof);
    co_return out;
  }
  // A follower that has joined again may return, like the leader, a value that was overtaken: it was read
  // from the source or from L2 after this caller came.
  const auto& brought = flight->outcome.info;
  const bool read_after =
      retried && (brought.from == layer::source || (brought.from == layer::l2 && !brought.stale));
  const bool ours = leads || read_after;
  out.again = !ours && !flight->usable_for(began, target.required_asof);
  if (out.again) co_return out;
  const bool failure = flight->thrown != nullptr || flight->outcome.failure != nullptr;
  // A follower may accept a standby that was too old for the leader.
  auto stale = !leads && failure ? with_.fallback.stand_in(target, true) : std::nullopt;
  out.lookup = stale ? std::move(*stale) : with_.reports.follow(target, *flight, leads);
  co_return out;
}

task<any_lookup> fill_pipeline::load_without_flight(job& work) {
  const auto target = work.target();
  failed_run failed;
  auto made = co_await with_.factories.run(target, work.factory, work.stale, state_.clock.now(), failed);
  if (!made) {
    with_.reports.factory_failed(target, made.error());
    co_return read_reporter::failed(std::move(made.error()), miss_reason::bypassed);
  }
  state_.uncached_reads.note(work.of.hash(), made->entry->created);
  state_.admission.detach_older(work.of, nullptr);
  const read_info info{.from = layer::source, .reason = miss_reason::bypassed};
  co_return read_reporter::lookup_of(made->entry, info, state_.now());
}

std::optional<any_lookup> fill_pipeline::known_failure_of(const any_key& target) {
  if (target.policy->failure_ttl == duration::zero() || !state_.caches(target)) return std::nullopt;
  auto known = state_.failures.find(target.key, state_.now());
  if (!known) return std::nullopt;
  with_.reports.count_miss(target, miss_reason::failed);
  if (known->thrown != nullptr) std::rethrow_exception(known->thrown);
  any_lookup out;
  out.info.reason = miss_reason::failed;
  out.failure = std::move(known->what);
  return out;
}

task<any_lookup> fill_pipeline::fill(any_key target, any_factory factory, miss_reason reason) {
  return fill_for(target, std::move(factory), reason, purpose::fill);
}

task<any_lookup> fill_pipeline::refresh(any_key target, any_factory factory) {
  return fill_for(target, std::move(factory), miss_reason::expired, purpose::refresh);
}

task<any_lookup> fill_pipeline::fill_for(any_key target, any_factory factory, miss_reason reason,
                                         purpose why) {
  if (why == purpose::fill) {
    if (auto known = known_failure_of(target)) co_return std::move(*known);
  }
  const auto began = state_.now();
  auto work = std::make_unique<job>(target, std::move(factory), reason, why);
  any_lookup out;
  bool done = false;
  for (int attempt = 0; state_.caches(target) && attempt < follow_attempts && !done; ++attempt) {
    auto flight = why == purpose::refresh ? state_.admission.join_refresh(target.key, state_.now())
                                          : state_.admission.join(target.key, state_.now());
    const auto to = flight.to;
    const bool leads = flight.leads;
    bool again = false;
    if (leads && !target.policy->has_timeouts()) {
      // NOLINTNEXTLINE(bugprone-use-after-move): a caller that has launched it does not join again
      co_await fly(*work, flight);
      out = with_.reports.follow(target, *to, true);
    } else {
      if (leads) launch(std::move(work), std::move(flight));
      auto waited = co_await wait_for(target, to, leads, attempt > 0);
      out = std::move(waited.lookup);
      again = waited.again;
    }
    done = !again;
    if (again && why == purpose::fill) {
      if (auto found = with_.memory.find(target); found.info.from != layer::none) {
        out = std::move(found);
        done = true;
      }
    }
  }
  if (!done) out = co_await load_without_flight(*work);
  if (!out.info.hit()) {
    with_.reports.count_miss(target, out.info.reason);
    state_.counters.time(operation::get_or_set, state_.now() - began);
  }
  co_return out;
}

void fill_pipeline::refresh_behind(const any_key& target, any_factory factory) {
  if (!with_.memory.take_refresh(target)) return;
  auto flight = state_.admission.join(target.key, state_.now());
  if (!flight.leads) return;
  auto work = std::make_unique<job>(target, std::move(factory), miss_reason::expired, purpose::renewal);
  work->required_asof = 0;
  state_.counters.count(target.type, &type_cells::refreshes);
  launch(std::move(work), std::move(flight));
}

}  // namespace strata::detail
