/// How second_level comes back into step.

#include "async/timed_wait.hpp"
#include "engine/second_level_call.hpp"

#include <algorithm>

namespace strata::detail {

namespace {

/// How many names or floors one call carries.
constexpr std::size_t chunk = 512;

/// How long a store that we hear may be untold of something before everything is cleared instead.
constexpr duration longest_untold = std::chrono::seconds(5);

/// Between two tries: this at first, twice as long each time, at most `cache_options.breaker_open_for`.
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

task<bool> second_level::in_step() {
  const auto done = recovery();
  if (done == nullptr) co_return false;
  if (!done->is_set()) {
    if (options_.l2_timeout > duration::zero()) {
      co_await timed_wait(done, *options_.timer, now() + options_.l2_timeout);
    } else {
      co_await done->wait();
    }
  }
  co_return in_step_.load();
}

std::shared_ptr<async_latch> second_level::recovery() {
  const auto owner = owner_.lock();
  std::shared_ptr<async_latch> running;
  {
    std::lock_guard lock(mutex_);
    if (recovering_ != nullptr || owner == nullptr || in_step_.load()) return recovering_;
    const auto at = now();
    const bool resting = breaker_.current() != breaker::state::closed && at < breaker_.again();
    if (at < not_before_ || resting) return nullptr;
    running = recovering_ = std::make_shared<async_latch>();
  }
  start(options_.background, recover(), [this, owner](const completion<bool>& done) {
    if (!done) {
      // It threw, and what it had taken is gone.
      std::lock_guard lock(mutex_);
      backlog_.clear_everything(clock_.now());
    }
    end_recovery(done && *done);
  });
  return running;
}

struct second_level::recovery_step {
  backlog::load load;
  bool restore = false;
  std::uint64_t generation = 0;

  std::size_t size() const noexcept { return load.size() + (load.everything ? 1 : 0); }
};

second_level::recovery_step second_level::next_step() {
  std::lock_guard lock(mutex_);
  if (untold_ && now() - *untold_ >= longest_untold && !backlog_.empty()) {
    backlog_.clear_everything(clock_.now());
    untold_.reset();
    ++given_up_;
  }
  recovery_step out{.load = backlog_.take(), .restore = restore_due_, .generation = generation_.load()};
  delivering_ = out.size();
  return out;
}

task<bool> second_level::recover() {
  for (;;) {
    auto step = next_step();
    const bool done = co_await deliver(step.restore, step.load);
    std::lock_guard lock(mutex_);
    delivered_ += delivering_ - std::min(delivering_, step.size());
    delivering_ = 0;
    backlog_.put_back(std::move(step.load));
    if (!done) {
      note_failed_recovery();
      co_return false;
    }
    untold_.reset();
    if (step.generation != generation_.load()) continue;
    restore_due_ = false;
    if (!backlog_.empty()) continue;
    in_step_ = true;
    co_return true;
  }
}

void second_level::note_failed_recovery() {
  const auto at = now();
  if (at >= trusted_until()) {
    untold_.reset();  // it is away, and will be told when it is back
  } else if (!untold_) {
    untold_ = at;
  }
}

void second_level::end_recovery(bool done) {
  std::shared_ptr<async_latch> ended;
  {
    std::lock_guard lock(mutex_);
    ended = std::exchange(recovering_, nullptr);
    const auto least = first_patience(options_);
    patience_ = done ? duration::zero()
                     : std::clamp(2 * patience_, least, std::max(least, options_.breaker_open_for));
    not_before_ = now() + patience_;
  }
  ended->set();
  if (!in_step_.load()) try_later();
  tell_state();
}

void second_level::try_later() {
  {
    std::lock_guard lock(mutex_);
    if (timer_set_ || recovering_ != nullptr) return;
    timer_set_ = true;
    auto when = std::max(now() + first_patience(options_), not_before_);
    if (breaker_.current() != breaker::state::closed) when = std::max(when, breaker_.again());
    options_.timer->at(when, [this, when, weak = owner_] {
      const auto owner = weak.lock();
      if (owner == nullptr) return;
      {
        std::lock_guard again(mutex_);
        timer_set_ = false;
      }
      // Timers that run on another clock than ours (a test's) come too early; the next read recovers.
      if (now() >= when) recover_behind();
    });
  }
  tell_state();
}

void second_level::recover_behind() {
  options_.background->post([this, weak = owner_] {
    const auto owner = weak.lock();
    if (owner == nullptr) return;
    // Too early after all (the breaker opened meanwhile): then later.
    if (recovery() == nullptr && !in_step_.load()) try_later();
  });
}

void second_level::lost(bool may_have_forgotten) {
  {
    std::lock_guard lock(mutex_);
    in_step_ = false;
    ++generation_;
    ++losses_;
    const auto at = now();
    if (may_have_forgotten && !mutated(mutation::replay_off)) {
      restore_due_ = true;
      recent_.replay(backlog_, clock_.now(), at);
    }
    not_before_ = at;
    breaker_.hint(at);
  }
  tell_state();
  recover_behind();
}

task<bool> second_level::deliver(bool restore, backlog::load& load) {
  // Here the floors may be higher than they were when it was kept; the store's are to be as high.
  load.at_least = std::max(load.at_least, clock_.now());
  if (load.everything) {
    std::vector<floor_entry> root{{.bucket = floor_table::root, .asof = load.at_least}};
    if (!co_await deliver_floors(root)) co_return false;
    load.everything = false;
  }
  if (restore && !co_await restore_floors()) co_return false;
  if (!co_await deliver_floors(load.floors)) co_return false;
  if (!co_await deliver_names(load.removed, told_kind::removed, load.at_least)) co_return false;
  if (!co_await deliver_names(load.expired, told_kind::expired, load.at_least)) co_return false;
  while (!load.patterns.empty()) {
    auto told = call<sweep_result>([glob = load.patterns.back(), floor = load.at_least](
                                       store& with) { return with.invalidate_matching(glob, floor); },
                                   walks_);
    const auto done = co_await std::move(told);
    if (!done) co_return false;
    clock_.merge(done->floor);
    load.patterns.pop_back();
  }
  co_return co_await load_floors();
}

task<bool> second_level::deliver_names(std::vector<std::string>& names, told_kind kind,
                                       commit_time at_least) {
  while (!names.empty()) {
    auto some = first_of(names);
    const auto count = some.size();
    auto told = call<commit_time>(
        [some = std::move(some), kind, at_least](store& with) {
          return kind == told_kind::removed ? with.invalidate(some, at_least) : with.expire(some, at_least);
        },
        calls_);
    const auto done = co_await std::move(told);
    if (!done) co_return false;
    clock_.merge(*done);
    drop_first(names, count);
  }
  co_return true;
}

task<bool> second_level::deliver_floors(std::vector<floor_entry>& floors) {
  while (!floors.empty()) {
    auto some = first_of(floors);
    for (auto& each : some) each.asof = std::max(each.asof, clock_.now());
    auto told = call<commit_time>([some](store& with) { return with.raise(some); }, calls_);
    const auto done = co_await std::move(told);
    if (!done) co_return false;
    for (auto& each : some) {
      each.asof = *done;
      hear(each);
    }
    drop_first(floors, some.size());
  }
  co_return true;
}

task<bool> second_level::restore_floors() {
  auto known = floors_.raised();
  while (!known.empty()) {
    auto some = first_of(known);
    const auto count = some.size();
    auto told = call<void>([some = std::move(some)](store& with) { return with.restore(some); }, calls_);
    const auto done = co_await std::move(told);
    if (!done) co_return false;
    drop_first(known, count);
  }
  co_return true;
}

task<bool> second_level::load_floors() {
  auto asked = call<std::vector<floor_entry>>([](store& with) { return with.floors(); }, walks_);
  const auto known = co_await std::move(asked);
  if (!known) co_return false;
  for (const auto& each : *known) hear(each);
  co_return true;
}

}  // namespace strata::detail
