#include "engine/recovery.hpp"

#include "async/timed_wait.hpp"

#include <algorithm>

namespace strata::detail {

namespace {

/// How many names or floors one call carries.
constexpr std::size_t chunk = 512;

/// How long a store that sends us changes may be left without an invalidation before all is cleared instead.
constexpr duration longest_failing = std::chrono::seconds(5);

/// How long invalidations are remembered for a server that may go back in time: longer than a replica lags.
constexpr duration recent_span = std::chrono::minutes(10);

/// The first pause between two recoveries; it doubles each time, up to cache_options.breaker_open_for.
duration first_patience(const cache_options& options) {
  return std::clamp<duration>(options.breaker_open_for, std::chrono::milliseconds(1),
                              std::chrono::milliseconds(100));
}

template <class T>
std::vector<T> first_of(const std::vector<T>& all) {
  return {all.begin(), all.begin() + static_cast<std::ptrdiff_t>(std::min(chunk, all.size()))};
}
template <class T>
void drop_first(std::vector<T>& all, std::size_t count) {
  all.erase(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(count));
}

}  // namespace

recovery::recovery(surroundings with)
    : with_(with),
      backlog_({.bytes = with.options.backlog_budget}),
      recent_(recent_span, {.bytes = with.options.backlog_budget}) {
}

void recovery::open(std::weak_ptr<void> owner) {
  owner_ = std::move(owner);
  start_now();
}

task<bool> recovery::sync() {
  const auto done = start_now();
  if (done == nullptr) co_return false;
  if (!done->is_set()) {
    const auto& options = with_.options;
    if (options.l2_timeout > duration::zero()) {
      co_await timed_wait(done, *options.timer, now() + options.l2_timeout);
    } else {
      co_await done->wait();
    }
  }
  co_return with_.status.in_sync();
}

std::shared_ptr<async_latch> recovery::start_now() {
  const auto owner = owner_.lock();
  std::shared_ptr<async_latch> started;
  {
    const scoped_lock lock(mutex_);
    if (running_ != nullptr || owner == nullptr || with_.status.in_sync()) return running_;
    const auto at = now();
    const auto blocked_until = with_.status.blocked_until();
    if (at < not_before_ || (blocked_until && at < *blocked_until)) return nullptr;
    started = running_ = std::make_shared<async_latch>();
  }
  start(with_.options.background, recover(), [this, owner](const completion<bool>& done) {
    if (!done) {
      // It threw, and what it had taken out of the backlog is lost.
      const scoped_lock lock(mutex_);
      backlog_.clear_everything(with_.clock.now());
    }
    end(done && *done);
  });
  return started;
}

recovery::round recovery::next_round() {
  const scoped_lock lock(mutex_);
  if (failing_since_ && now() - *failing_since_ >= longest_failing && !backlog_.empty()) {
    backlog_.clear_everything(with_.clock.now());
    failing_since_.reset();
    ++given_up_;
  }
  round out{.load = backlog_.take(), .restore = restore_due_, .losses = with_.status.losses()};
  delivering_ = out.size();
  return out;
}

recovery::progress recovery::end_round(round done, bool delivered) {
  const scoped_lock lock(mutex_);
  delivered_ += delivering_ - std::min(delivering_, done.size());
  delivering_ = 0;
  backlog_.put_back(std::move(done.load));
  if (!delivered) {
    note_failure();
    return progress::failed;
  }
  failing_since_.reset();
  if (done.losses != with_.status.losses()) return progress::another_round;
  restore_due_ = false;
  if (!backlog_.empty()) return progress::another_round;
  with_.status.set_in_sync(true);
  return progress::in_sync;
}

task<bool> recovery::recover() {
  for (;;) {
    auto round = next_round();
    const bool delivered = co_await deliver(round.restore, round.load);
    const auto made = end_round(std::move(round), delivered);
    if (made != progress::another_round) co_return made == progress::in_sync;
  }
}

void recovery::note_failure() {
  const auto at = now();
  if (at >= with_.status.trusted_until()) {
    failing_since_.reset();  // the store is away; it receives everything when it is back
  } else if (!failing_since_) {
    failing_since_ = at;
  }
}

void recovery::end(bool done) {
  std::shared_ptr<async_latch> ended;
  {
    const scoped_lock lock(mutex_);
    ended = std::exchange(running_, nullptr);
    const auto least = first_patience(with_.options);
    patience_ = done ? duration::zero()
                     : std::clamp(2 * patience_, least, std::max(least, with_.options.breaker_open_for));
    not_before_ = now() + patience_;
  }
  ended->set();
  if (!with_.status.in_sync()) try_later();
  with_.status.report();
}

void recovery::try_later() {
  {
    const scoped_lock lock(mutex_);
    if (timer_set_ || running_ != nullptr) return;
    timer_set_ = true;
    auto when = std::max(now() + first_patience(with_.options), not_before_);
    if (const auto blocked_until = with_.status.blocked_until()) when = std::max(when, *blocked_until);
    with_.options.timer->at(when, [this, when, weak = owner_] {
      const auto owner = weak.lock();
      if (owner == nullptr) return;
      {
        const scoped_lock again(mutex_);
        timer_set_ = false;
      }
      // Timers on another clock than ours (a test's) fire too early; then the next read recovers.
      if (now() >= when) start_behind();
    });
  }
  with_.status.report();
}

void recovery::start_behind() {
  with_.options.background->post([this, weak = owner_] {
    const auto owner = weak.lock();
    if (owner == nullptr) return;
    // Too early after all (the breaker opened meanwhile): then later.
    if (start_now() == nullptr && !with_.status.in_sync()) try_later();
  });
}

void recovery::remember(invalidation_kind kind, const std::vector<std::string>& names) {
  const auto at = now();
  const scoped_lock lock(mutex_);
  for (const auto& each : names) recent_.note(kind, each, at);
}

void recovery::keep(invalidation_kind kind, const std::vector<std::string>& names, commit_time floor) {
  {
    const scoped_lock lock(mutex_);
    for (const auto& each : names) {
      if (!mutated(mutation::replay_off)) backlog_.add(kind, each, floor);
    }
    with_.status.set_in_sync(false);
  }
  try_later();
}

void recovery::keep(const std::vector<floor_entry>& floors) {
  {
    const scoped_lock lock(mutex_);
    for (const auto& each : floors) {
      if (!mutated(mutation::replay_off)) backlog_.add(each);
    }
    with_.status.set_in_sync(false);
  }
  try_later();
}

void recovery::lost(bool may_have_forgotten) {
  {
    const scoped_lock lock(mutex_);
    with_.status.note_loss();
    const auto at = now();
    if (may_have_forgotten && !mutated(mutation::replay_off)) {
      restore_due_ = true;
      recent_.replay(backlog_, with_.clock.now(), at);
    }
    not_before_ = at;
    with_.status.hint();
  }
  with_.status.report();
  start_behind();
}

void recovery::store_answers() {
  if (with_.status.in_sync()) return;
  {
    const scoped_lock lock(mutex_);
    not_before_ = std::min(not_before_, now());
  }
  start_behind();
}

void recovery::collect(second_level_stats& out) const {
  const scoped_lock lock(mutex_);
  out.backlog = backlog_.size() + delivering_;
  out.backlog_size = {backlog_.bytes()};
  out.delivered = delivered_;
  out.overflows = backlog_.overflows() + given_up_;
}

void recovery::apply(floor_entry floor) noexcept {
  with_.clock.merge(floor.asof);
  with_.floors.raise(floor);
}

task<bool> recovery::deliver(bool restore, backlog::load& load) {
  // Our floors may have risen since the invalidations were kept; the store's must become as high.
  load.at_least = std::max(load.at_least, with_.clock.now());
  if (load.everything) {
    std::vector<floor_entry> root{{.bucket = floor_table::root, .asof = load.at_least}};
    if (!co_await deliver_floors(root)) co_return false;
    load.everything = false;
  }
  if (restore && !co_await restore_floors()) co_return false;
  if (!co_await deliver_floors(load.floors)) co_return false;
  if (!co_await deliver_names(load.removed, invalidation_kind::removed, load.at_least)) co_return false;
  if (!co_await deliver_names(load.expired, invalidation_kind::expired, load.at_least)) co_return false;
  if (!co_await deliver_patterns(load.patterns, load.at_least)) co_return false;
  co_return co_await load_floors();
}

task<bool> recovery::deliver_names(std::vector<std::string>& names, invalidation_kind kind,
                                   commit_time at_least) {
  while (!names.empty()) {
    auto some = first_of(names);
    const auto count = some.size();
    const auto done = co_await with_.calls.call<commit_time>(
        plain_request([some = std::move(some), kind, at_least](store& to) {
          return kind == invalidation_kind::removed ? to.invalidate(some, at_least)
                                                    : to.expire(some, at_least);
        }),
        store_caller::limit::call);
    if (!done) co_return false;
    with_.clock.merge(*done);
    drop_first(names, count);
  }
  co_return true;
}

task<bool> recovery::deliver_patterns(std::vector<std::string>& patterns, commit_time at_least) {
  while (!patterns.empty()) {
    const auto done =
        co_await with_.calls.call<sweep_result>(plain_request([glob = patterns.back(), at_least](store& to) {
                                                  return to.invalidate_matching(glob, at_least);
                                                }),
                                                store_caller::limit::walk);
    if (!done) co_return false;
    with_.clock.merge(done->floor);
    patterns.pop_back();
  }
  co_return true;
}

task<bool> recovery::deliver_floors(std::vector<floor_entry>& floors) {
  while (!floors.empty()) {
    auto some = first_of(floors);
    for (auto& each : some) each.asof = std::max(each.asof, with_.clock.now());
    const auto done = co_await with_.calls.call<commit_time>(
        plain_request([some](store& to) { return to.raise(some); }), store_caller::limit::call);
    if (!done) co_return false;
    for (auto& each : some) {
      each.asof = *done;
      apply(each);
    }
    drop_first(floors, some.size());
  }
  co_return true;
}

task<bool> recovery::restore_floors() {
  auto known = with_.floors.raised();
  while (!known.empty()) {
    auto some = first_of(known);
    const auto count = some.size();
    const auto done = co_await with_.calls.call<void>(
        plain_request([some = std::move(some)](store& to) { return to.restore(some); }),
        store_caller::limit::call);
    if (!done) co_return false;
    drop_first(known, count);
  }
  co_return true;
}

task<bool> recovery::load_floors() {
  const auto known = co_await with_.calls.call<std::vector<floor_entry>>(
      plain_request([](store& to) { return to.floors(); }), store_caller::limit::walk);
  if (!known) co_return false;
  for (const auto& each : *known) apply(each);
  co_return true;
}

}  // namespace strata::detail
