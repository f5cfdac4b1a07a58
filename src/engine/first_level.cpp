#include "engine/first_level.hpp"

#include <cmath>

namespace strata::detail {

namespace {

const record& record_at(const void* current) noexcept {
  return *static_cast<const record*>(current);
}

}  // namespace

record_ptr first_level::peek(const key& key) const {
  return std::static_pointer_cast<const record>(state_.memory.peek(key.hash(), key.text(), state_.now()));
}

record_ptr first_level::peek_expired(const key& key) const {
  const auto any_time = time_point::min();
  return std::static_pointer_cast<const record>(state_.memory.peek(key.hash(), key.text(), any_time));
}

bool first_level::refresh_due(const policy& policy, const record& entry, time_point at, bool stale) noexcept {
  const auto after = entry.refresh_after.load(std::memory_order_relaxed);
  if (at.time_since_epoch().count() < after) return false;
  bool due = stale;
  if (!due && policy.eager_refresh > 0) {
    const auto life = entry.fresh_until - entry.created;
    due = at >= entry.created + std::chrono::duration_cast<duration>(life * policy.eager_refresh);
  }
  if (!due && policy.xfetch_beta > 0) {
    const auto early = static_cast<double>(entry.source.took.count()) * policy.xfetch_beta *
                       -std::log(1 - state_.random.next());
    due = at + duration(static_cast<duration::rep>(early)) >= entry.fresh_until;
  }
  return due;
}

bool first_level::take_refresh(const any_key& target) {
  const auto entry = peek(target.key);
  if (entry == nullptr) return false;
  const auto& policy = *target.policy;
  const auto wait = policy.fail_safe ? policy.throttle : refresh_retry;
  const auto ticks = state_.options.time->coarse_now().time_since_epoch().count();
  auto after = entry->refresh_after.load(std::memory_order_relaxed);
  return ticks >= after &&
         entry->refresh_after.compare_exchange_strong(after, ticks + wait.count(), std::memory_order_relaxed);
}

void first_level::leave_refresh(const key& key) {
  const auto entry = peek(key);
  if (entry == nullptr) return;
  const auto next = state_.now() + refresh_retry;
  entry->refresh_after.store(next.time_since_epoch().count(), std::memory_order_relaxed);
}

any_lookup first_level::find(const any_key& target) noexcept {
  any_lookup missed;
  if (!state_.caches(target) || target.without_l1) {
    missed.info.reason = miss_reason::bypassed;
    return missed;
  }
  const auto hash = target.key.hash();
  const auto& text = target.key.text();
  const auto& time = *state_.options.time;
  const bool timed = state_.counters.sample();
  const auto began = timed ? time.now() : time_point();
  const auto at = time.coarse_now();
  auto found = std::static_pointer_cast<const record>(state_.memory.find(hash, text, at));
  if (found == nullptr) {
    // A record past its time stays in memory until it is swept; sweep it now, to know the reason.
    const bool expired = state_.memory.erase_if(
        hash, text, [&](const void* current) { return record_at(current).gone_at() <= at; });
    if (expired) state_.miss_reasons.note(hash, miss_reason::expired);
    missed.info.reason = state_.miss_reasons.reason(hash);
    return missed;
  }
  const auto standing = judge(target, *found, at);
  if (standing.gone() && !standing.worth_keeping()) {
    state_.memory.erase_if(hash, text, [&](const void* current) { return current == found.get(); });
    state_.miss_reasons.note(hash, standing.why);
  }
  const auto& policy = *target.policy;
  const bool serve_stale = standing.servable_stale(policy, at);
  if (!standing.fresh() && !serve_stale) {
    missed.info.reason = standing.why;
    return missed;
  }
  bool due = false;
  if (serve_stale || policy.eager_refresh > 0 || policy.xfetch_beta > 0) {
    due = refresh_due(policy, *found, at, serve_stale);
  }
  if (policy.sliding > duration::zero() && standing.fresh()) slide(target, found, at);
  auto lookup = reports_.hit(target, std::move(found), layer::l1, at);
  lookup.refresh_due = due;
  if (serve_stale) {
    lookup.info.stale = true;
    lookup.info.ttl = duration::zero();
  }
  if (lookup.info.stale) reports_.count_stale(target);
  if (timed) state_.counters.time(operation::get, time.now() - began, counters::sample_every);
  return lookup;
}

void first_level::slide(const any_key& target, const record_ptr& found, time_point at) {
  const auto sliding = target.policy->sliding;
  const bool lately = found->fresh_until - at > sliding - sliding / 4;
  if (lately || found->throttled || found->slides_until <= found->fresh_until) return;
  auto longer = std::make_shared<record>(*found);
  const auto window = found->stale_until - found->fresh_until;
  longer->fresh_until = std::min(at + sliding, found->slides_until);
  longer->stale_until = longer->fresh_until + window;
  if (!replace(target.key, found, longer) || !state_.has_second_level() || target.without_l2) return;
  state_.options.background->post(
      [alive = state_.shared(), name = state_.l2_key(target.key), ttl = longer->stale_until - at]() mutable {
        auto* const executor = alive->options.background;
        start(executor, touch_l2(std::move(alive), std::move(name), ttl), [](const completion<void>&) {});
      });
}

task<> first_level::touch_l2(std::shared_ptr<engine_state> alive, std::string name, duration ttl) {
  co_await alive->l2.touch(std::move(name), ttl);
}

bool first_level::keep(const key& key, const record_ptr& entry) {
  if (!state_.enabled.load(std::memory_order_relaxed)) return false;
  const auto done = state_.memory.insert_if(
      key.hash(), key.text(), {entry, entry->bytes, entry->gone_at()}, state_.now(),
      [&](const void* current) { return current == nullptr || not_older(*entry, record_at(current)); });
  return done != memory::inserted::too_large;
}

fill_admission::verdict first_level::admit(const fill_admission::ticket& held, const key& key,
                                           const record_ptr& entry, bool store, bool* kept) {
  // A throttled record is served as stale, so it may be expired; one that is called fresh may not, nor may
  // those who wait for it get it.
  const auto valid = [&] {
    if (entry->floors.check(state_.floors, entry->asof) != miss_reason::none) return false;
    if (entry->throttled) return true;
    if (state_.uncached_reads.is_before_kept(key.hash(), entry->asof)) return false;
    const auto watermark = state_.l2.source_watermark();
    return !may_be_behind(*entry, key.hash(), context({}, watermark)) &&
           entry->floors.check_soft(state_.floors, entry->asof) == miss_reason::none;
  };
  const auto verdict = state_.admission.admit(held, entry->asof, entry->source.order, valid, [&] {
    const bool done = store && keep(key, entry);
    if (kept != nullptr) *kept = done;
  });
  if (verdict != fill_admission::verdict::entered) {
    state_.memory.erase_if(key.hash(), key.text(), [&](const void* current) {
      return current != entry.get() && not_older(*entry, record_at(current));
    });
  }
  return verdict;
}

void first_level::supersede(const key& key, const record& newer, bool keep_stale) {
  if (!keep_stale) {
    state_.memory.erase_if(key.hash(), key.text(),
                           [&](const void* current) { return not_older(newer, record_at(current)); });
    return;
  }
  const auto found = peek(key);
  if (found != nullptr && not_older(newer, *found)) expire(key, found);
}

void first_level::expire(const key& key, const record_ptr& found) {
  if (found->fresh_until <= state_.now()) return;
  auto expired = std::make_shared<record>(*found);
  expired->fresh_until = state_.options.time->coarse_now();  // `find` compares it with this clock
  replace(key, found, expired);
}

bool first_level::replace(const key& key, const record_ptr& found, const record_ptr& changed) {
  return state_.memory.insert_if(key.hash(), key.text(), {changed, changed->bytes, changed->gone_at()},
                                 state_.now(), [&](const void* current) { return current == found.get(); }) ==
         memory::inserted::stored;
}

void first_level::demote(std::uint64_t hash, std::string_view text) {
  const auto at = state_.now();
  const auto found = std::static_pointer_cast<const record>(state_.memory.peek(hash, text, at));
  if (found != nullptr && found->superseded && !found->throttled) return;
  if (found != nullptr && found->stale_until > found->fresh_until) {
    auto old = std::make_shared<record>(*found);
    old->superseded = true;
    old->throttled = false;
    old->fresh_until = std::min(old->fresh_until, state_.options.time->coarse_now());  // as in make_stale
    const auto done = state_.memory.insert_if(hash, text, {old, old->bytes, old->gone_at()}, at,
                                              [&](const void* current) { return current == found.get(); });
    if (done == memory::inserted::stored) return;
  }
  state_.memory.erase(hash, text);
}

std::optional<duration> first_level::touch(const key& key, duration ttl) {
  const auto at = state_.now();
  const auto found = peek(key);
  if (found == nullptr || at >= found->fresh_until) return std::nullopt;
  if (found->floors.check(state_.floors, found->asof) != miss_reason::none ||
      found->floors.check_soft(state_.floors, found->asof) != miss_reason::none) {
    return std::nullopt;
  }
  auto longer = std::make_shared<record>(*found);
  const auto window = found->stale_until - found->fresh_until;
  longer->fresh_until = at + ttl;
  longer->stale_until = longer->fresh_until + window;
  longer->slides_until = std::max(longer->slides_until, longer->fresh_until);
  if (!replace(key, found, longer)) return std::nullopt;
  return window;
}

}  // namespace strata::detail
