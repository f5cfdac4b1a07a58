/// Reading through: how a miss becomes a value, and how the value gets in.
///
/// A miss joins the key's flight. Who finds none leads one (`fly`): L2, factory, gate, landing.
/// The outcomes of a flight, and what its followers do:
///
///   value admitted, or not to be cached   take it
///   value fenced by an invalidation       the leader takes it (its read began before), followers
///                                         join again: theirs may have begun after; who has
///                                         joined again may take what this flight read
///   failure, exception, too slow          fail-safe serves the standby; else all get the failure
///   leader dropped                        followers join again
///
/// Without timeouts the leader runs the flight in its own task. With them the flight runs in the
/// background, and the leader waits like a follower, but takes whatever comes.
///
/// Long because these steps share one protocol.

#include "async/timed_wait.hpp"
#include "engine/engine.hpp"

namespace strata::detail {

namespace {

/// How often a follower whose flight was fenced joins another one before it loads for itself.
constexpr int follow_attempts = 4;

/// Of two values as of the same time, that is newer whose factory began later.
std::pair<commit_time, time_point> age(const record& of) {
  return {of.asof, of.created - of.took};
}

error error_of(const std::exception_ptr& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const std::exception& each) {
    return {errc::factory_failed, each.what()};
  } catch (...) {
    return {errc::factory_failed, "the factory threw something that is no std::exception"};
  }
}

}  // namespace

any_lookup engine::failed(error what, miss_reason reason) {
  any_lookup lookup;
  lookup.info.reason = reason;
  lookup.failure = std::make_shared<const error>(std::move(what));
  return lookup;
}

any_lookup engine::lookup_of(const record_ptr& entry, read_info info, time_point at) {
  any_lookup lookup;
  lookup.value = entry->value;
  lookup.info = info;
  lookup.info.asof = entry->asof;
  lookup.info.ttl = info.stored ? std::max(entry->fresh_until - at, duration::zero()) : duration::zero();
  return lookup;
}

void engine::keep(const key& where, const record_ptr& entry) {
  memory_.insert_if(where.hash(), where.text(), {entry, entry->bytes, entry->stale_until}, now(),
                    [&](const void* current) {
                      return current == nullptr || age(*static_cast<const record*>(current)) <= age(*entry);
                    });
}

gate::verdict engine::admit(const gate::ticket& held, const key& where, const record_ptr& entry, bool store) {
  // What is served as stale may be expired; what is called fresh may not, also by who waits for it.
  const auto stands = [&] {
    if (!entry->throttled && may_be_behind(where, *entry, second_.source_watermark())) return false;
    return entry->floors.check(floors_, entry->asof) == miss_reason::none &&
           (entry->throttled || entry->floors.check_soft(floors_, entry->asof) == miss_reason::none);
  };
  const auto verdict = gate_.admit(held, entry->asof, stands, [&] {
    if (store) keep(where, entry);
  });
  // Its reader takes it all the same, and must not get an older one from memory later.
  if (verdict != gate::verdict::entered) {
    memory_.erase_if(where.hash(), where.text(), [&](const void* current) {
      return current != entry.get() && age(*static_cast<const record*>(current)) <= age(*entry);
    });
  }
  return verdict;
}

void engine::land(const gate::joined& flight, any_lookup outcome, bool usable, time_point good_until) {
  flight.way->outcome = std::move(outcome);
  flight.way->usable = usable;
  flight.way->good_until = good_until;
  gate_.land(flight.lead);
}

void engine::note_failure(const any_key& where, const error& what) {
  counters_.count(where.type, &type_cells::factory_failures);
  if (options_.observer != nullptr) options_.observer->on_error(where.key.text(), what);
}

task<> engine::release(std::shared_ptr<engine> self, std::string name, lease_token token) {
  (void)co_await self->second_.release(name, token);
  self->gate_.wake(std::string_view(name).substr(self->options_.name_space.size() + 1));
}

engine::held_lease::~held_lease() {
  if (token_ == 0) return;
  start(nullptr, release(std::move(owner_), std::move(name_), token_), [](const completion<void>&) {});
}

engine::asked engine::heard(const any_key& where, result<acquire_result> answer, time_point told) {
  asked out;
  if (!answer) {
    out.reason = miss_reason::l2_down;
    return out;
  }
  out.up = true;
  out.lease = holding(where.key, {.lease = answer->lease, .granted_at = answer->granted_at});
  out.busy = answer->busy();
  if (!answer->value) return out;
  const auto entry = decode(where, *answer->value);
  if (!entry) {
    out.reason = entry.error();
    return out;
  }
  const auto stands = judge(where, **entry, now(), told);
  out.reason = stands.why;
  if (stands.is == state::fresh) out.entry = *entry;
  if (stands.is == state::stale) out.stale = *entry;
  return out;
}

task<engine::asked> engine::ask(const job& work) {
  const auto where = work.view();
  const auto name = l2_key(work.where);
  const auto told = second_.source_watermark();
  auto out = heard(where, co_await second_.acquire(name), told);
  const bool unfit = out.up && !out.busy && !out.lease && (out.entry == nullptr || work.force);
  if (!unfit) co_return out;
  // What is there cannot be served, or not for long: ask for the right to replace it.
  out.entry = nullptr;
  const auto lease = co_await second_.take_lease(name);
  if (lease) out.lease = holding(work.where, *lease);
  out.busy = !out.lease;
  co_return out;
}

task<result<engine::made>> engine::run_factory(job& work, commit_time asof) {
  const auto where = work.view();
  const auto turn = co_await bulkhead_.enter();
  if (!turn) {
    co_return fail(errc::busy,
                   "too many factories are running, and too many wait (factory_limit, factory_queue)");
  }
  const door::guest inside(factories_);
  if (!inside) co_return fail(errc::busy, no_more_factories);
  fill_context context(asof);
  if (work.stale != nullptr) context.previous_ = work.stale->value;
  counters_.count(work.type, &type_cells::factory_calls);
  const auto began = now();
  auto value = co_await work.factory(context);
  const auto took = now() - began;
  context.asof_ = std::min(context.asof_, asof);  // what was invalidated since must not look older than it
  if (context.failure_) co_return std::unexpected(*context.failure_);
  if (context.not_modified_ && work.stale == nullptr) {
    co_return fail(errc::invalid_argument, "the factory said not_modified, but there is no previous value");
  }
  if (!value && !context.not_modified_) co_return std::unexpected(std::move(value.error()));
  co_return finish_factory(where, value ? std::move(*value) : any_value(), context, work.stale,
                           {.began = began, .took = took});
}

bool engine::fall_back(const any_key& where, const gate::joined& flight, const record_ptr& stale,
                       miss_reason reason) {
  if (!where.rules->fail_safe || stale == nullptr) return false;
  const auto at = now();
  if (judge(where, *stale, at).is == state::gone) return false;
  // Fresh enough for the throttle, so that the source is left alone for so long.
  auto throttled = std::make_shared<record>(*stale);
  throttled->throttled = true;
  throttled->fresh_until = std::min(at + where.rules->throttle, stale->stale_until);
  if (admit(flight.lead, where.key, throttled, true) != gate::verdict::entered) return false;
  count_stale(where);
  read_info info{.from = layer::l1, .reason = reason, .stored = true, .stale = true};
  land(flight, lookup_of(throttled, info, at), true);
  return true;
}

task<bool> engine::change_told(std::shared_ptr<async_latch> change, time_point until) {
  for (;;) {
    const auto told = second_.trusted_until();
    if (now() >= std::min(told, until)) co_return false;
    if (co_await timed_wait(change, *options_.timer, std::min(told, until))) co_return true;
  }
}

task<> engine::fly(job& work, gate::joined& flight) {
  const auto where = work.view();
  // Somebody may have filled between our look and our lead.
  const auto there = work.force ? nullptr : peek(work.where);
  if (there != nullptr && judge(where, *there, now()).is == state::fresh &&
      admit(flight.lead, work.where, there, false) == gate::verdict::entered) {
    land(flight, hit(where, there, layer::l1, now()), true);
    co_return;
  }
  const auto find_stale = [&] {
    work.stale = peek(work.where);
    if (work.stale != nullptr && judge(where, *work.stale, now()).is == state::gone) work.stale = nullptr;
  };
  find_stale();
  asked second;
  while (has_second_level()) {
    gate_.renew(flight.lead);
    const auto change = gate_.next_change(flight.lead);
    find_stale();  // what was there before the ticket was renewed may have been removed by another process
    second = co_await ask(work);
    if (second.entry != nullptr) {
      const bool entered = admit(flight.lead, work.where, second.entry, true) == gate::verdict::entered;
      land(flight, hit(where, second.entry, layer::l2, now()), entered, second.entry->fresh_until);
      co_return;
    }
    if (second.stale != nullptr) work.stale = second.stale;
    if (second.reason != miss_reason::none) work.reason = second.reason;
    if (!second.busy || mutated(mutation::lease_ignored)) break;
    // Another process is filling, and tells us when it has.
    const auto patience =
        work.rules->hard_timeout > duration::zero() ? work.rules->hard_timeout : options_.fill_lease;
    if (!co_await change_told(change, now() + patience)) break;
  }
  result<made> what = fail(errc::factory_failed, "");
  std::exception_ptr thrown;
  try {
    what = co_await run_factory(work, asof_under(second.lease));
  } catch (...) {
    thrown = std::current_exception();
    what = std::unexpected(error_of(thrown));
  }
  if (!what) {
    note_failure(where, what.error());
    second.lease = {};
    if (fall_back(where, flight, work.stale, work.reason)) co_return;
    flight.way->thrown = std::move(thrown);
    land(flight, failed(std::move(what.error()), work.reason), true);
    co_return;
  }
  const auto entry = what->entry;
  const auto outcome = co_await place(where, flight.lead, std::move(*what), second);
  read_info info{.from = layer::source, .reason = work.reason, .stored = outcome.stored};
  if (outcome.reason != miss_reason::none) info.reason = outcome.reason;
  land(flight, lookup_of(entry, info, now()), outcome.usable, entry->fresh_until);
}

task<> engine::fly_owned(std::shared_ptr<engine> self, std::unique_ptr<job> work, gate::joined flight) {
  try {
    co_await self->fly(*work, flight);
  } catch (...) {
    flight.way->thrown = std::current_exception();
    self->land(flight, {}, false);
  }
}

void engine::launch(std::unique_ptr<job> work, gate::joined flight) {
  // Posted, not started here: a factory that blocks must not block the caller.
  options_.background->post(
      [self = shared_from_this(), work = std::move(work), flight = std::move(flight)]() mutable {
        auto* where = self->options_.background;
        start(where, fly_owned(self, std::move(work), std::move(flight)), [](const completion<void>&) {});
      });
}

any_lookup engine::follow(const any_key& where, const flight& led, bool leads) {
  if (led.thrown != nullptr) std::rethrow_exception(led.thrown);
  auto out = led.outcome;
  if (!leads) {
    counters_.count(where.type, &type_cells::shared);
    out.info.shared = true;
  }
  return out;
}

std::optional<any_lookup> engine::stand_in(const any_key& where) {
  const auto stale = standby(where);
  if (stale == nullptr) return std::nullopt;
  count_stale(where);
  const read_info info{.from = layer::l1, .reason = miss_reason::expired, .stored = true, .stale = true};
  return lookup_of(stale, info, now());
}

task<engine::waited> engine::wait_for(const any_key& where, std::shared_ptr<flight> way, bool leads,
                                      bool began_after) {
  const auto& rules = *where.rules;
  const auto began = now();
  const std::shared_ptr<async_latch> done(way, &way->done);
  waited answer;
  if (rules.soft_timeout > duration::zero()) {
    // Counted from the flight's beginning: who joins one that is late knows that already.
    const auto patience = way->began + rules.soft_timeout;
    bool landed = done->is_set();
    if (!landed && began < patience) landed = co_await timed_wait(done, *options_.timer, patience);
    if (auto stale = landed ? std::nullopt : stand_in(where)) {
      answer.out = std::move(*stale);
      co_return answer;
    }
  }
  if (rules.hard_timeout == duration::zero()) {
    co_await done->wait();
  } else if (!co_await timed_wait(done, *options_.timer, began + rules.hard_timeout)) {
    gate_.abandon(where.key, way);
    error late{errc::timeout, "the factory took longer than the policy's hard_timeout"};
    if (leads) note_failure(where, late);
    auto stale = stand_in(where);
    answer.out = stale ? std::move(*stale) : failed(std::move(late), miss_reason::absent);
    co_return answer;
  }
  // What was read from the source or from L2 after we came is ours to take, as its leader may, though it was
  // overtaken.
  const auto from = way->outcome.info.from;
  const bool read_after =
      began_after && (from == layer::source || (from == layer::l2 && !way->outcome.info.stale));
  const bool ours = leads || read_after;
  answer.again = !ours && (!good_for(*way, began) || behind(where, *way));
  if (answer.again) co_return answer;
  const bool failure = way->thrown != nullptr || way->outcome.failure != nullptr;
  auto stale = !leads && failure ? stand_in(where) : std::nullopt;  // its leader may have to see newer ones
  answer.out = stale ? std::move(*stale) : follow(where, *way, leads);
  co_return answer;
}

task<any_lookup> engine::load_unshared(job& work) {
  auto what = co_await run_factory(work, clock_.now());
  if (!what) {
    note_failure(work.view(), what.error());
    co_return failed(std::move(what.error()), miss_reason::bypassed);
  }
  unkept_.note(work.where.hash(), what->entry->created);
  co_return lookup_of(what->entry, {.from = layer::source, .reason = miss_reason::bypassed}, now());
}

task<any_lookup> engine::fill(any_key where, any_factory factory, miss_reason reason, bool force) {
  const auto began = now();
  auto work = std::make_unique<job>(job{.where = where.key,
                                        .rules = where.rules,
                                        .type = where.type,
                                        .value = where.value,
                                        .factory = std::move(factory),
                                        .reason = reason,
                                        .force = force,
                                        .least = where.least});
  any_lookup out;
  bool done = false;
  for (int attempt = 0; where.cacheable() && attempt < follow_attempts && !done; ++attempt) {
    auto flight = gate_.join(where.key, now());
    const auto way = flight.way;
    const bool leads = flight.leads;
    bool again = false;
    if (leads && !where.rules->has_timeouts()) {
      // NOLINTNEXTLINE(bugprone-use-after-move): who has launched it does not join again
      co_await fly(*work, flight);
      out = follow(where, *way, true);
    } else {
      if (leads) launch(std::move(work), std::move(flight));
      auto waited = co_await wait_for(where, way, leads, attempt > 0);
      out = std::move(waited.out);
      again = waited.again;
    }
    done = !again;
    if (again && !force) {
      if (auto found = find(where); found.info.from != layer::none) {
        out = std::move(found);
        done = true;
      }
    }
  }
  if (!done) out = co_await load_unshared(*work);
  if (!out.info.hit()) {
    count_miss(where, out.info.reason);
    counters_.time(operation::get_or_set, now() - began);
  }
  co_return out;
}

void engine::refresh_behind(const any_key& where, any_factory factory) {
  auto flight = gate_.join(where.key, now());
  if (!flight.leads) return;
  auto work = std::make_unique<job>(job{.where = where.key,
                                        .rules = where.rules,
                                        .type = where.type,
                                        .value = where.value,
                                        .factory = std::move(factory),
                                        .reason = miss_reason::expired,
                                        .force = true});
  counters_.count(where.type, &type_cells::refreshes);
  launch(std::move(work), std::move(flight));
}

task<any_lookup> engine::get(any_key where) {
  any_lookup missed;
  missed.info.reason = miss_reason::bypassed;
  if (!where.cacheable()) co_return give_up(where, std::move(missed));
  const auto began = now();
  const auto held = gate_.enter(where.key);
  const auto told = second_.source_watermark();
  const auto stored = co_await second_.get(l2_key(where.key));
  missed.info.reason = miss_reason::l2_down;
  if (!stored) co_return give_up(where, std::move(missed));
  missed.info.reason = departures_.reason(where.key.hash());
  if (!*stored) co_return give_up(where, std::move(missed));
  const auto entry = decode(where, **stored);
  const auto stands = entry ? judge(where, **entry, now(), told) : judgement{state::gone, entry.error()};
  const auto window = where.rules->stale_while_revalidate;
  const bool serve_stale =
      stands.is == state::stale && window > duration::zero() && now() < stands.since + window;
  if (stands.is != state::fresh && !serve_stale) {
    missed.info.reason = stands.why;
    co_return give_up(where, std::move(missed));
  }
  admit(held, where.key, *entry, true);
  counters_.time(operation::get, now() - began);
  auto found = hit(where, *entry, layer::l2, now());
  found.info.stale = found.info.stale || serve_stale;
  co_return found;
}

}  // namespace strata::detail
