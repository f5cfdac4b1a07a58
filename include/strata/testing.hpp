#pragma once
/// For tests of code that uses Strata: a clock that a test moves, a store that fails by script, and a
/// record of published events.
/// Threads: everything here may be used from any thread.

#include <strata/rate_limit_store.hpp>
#include <strata/store.hpp>
#include <strata/time.hpp>
#include <strata/timer.hpp>

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace strata {
class event_bus;
struct domain_event;
}  // namespace strata

namespace strata::testing {

/// A clock that a test owns.
class manual_clock final : public clock {
 public:
  time_point now() const noexcept override {
    return time_point(duration(since_start_.load(std::memory_order_relaxed)));
  }
  wall_time wall() const noexcept override {
    return wall_time(std::chrono::hours(24 * 365 * 50)) +
           std::chrono::duration_cast<std::chrono::milliseconds>(now().time_since_epoch());
  }

  /// Moves time on. Requires: `by` is not negative.
  void advance(duration by) noexcept { since_start_.fetch_add(by.count(), std::memory_order_relaxed); }

 private:
  std::atomic<duration::rep> since_start_ = std::chrono::nanoseconds(std::chrono::hours(1)).count();
};

/// Timers on a manual clock. They run when the test calls `run_due`.
class manual_timers final : public timers {
 public:
  explicit manual_timers(const clock& time) : time_(time) {}

  id at(time_point when, std::move_only_function<void()> work) override {
    std::lock_guard lock(mutex_);
    due_.emplace(std::pair(when, ++last_), std::move(work));
    return last_;
  }

  bool cancel(id which) override {
    std::lock_guard lock(mutex_);
    return std::erase_if(due_, [&](const auto& each) { return each.first.second == which; }) != 0;
  }

  /// Runs the timers that are due, in order, and returns how many ran.
  std::size_t run_due() {
    std::size_t ran = 0;
    for (;; ++ran) {
      std::move_only_function<void()> work;
      {
        std::lock_guard lock(mutex_);
        if (due_.empty() || due_.begin()->first.first > time_.now()) return ran;
        work = std::move(due_.begin()->second);
        due_.erase(due_.begin());
      }
      work();
    }
  }

  std::size_t pending() const {
    std::lock_guard lock(mutex_);
    return due_.size();
  }

 private:
  const clock& time_;
  mutable std::mutex mutex_;
  std::map<std::pair<time_point, id>, std::move_only_function<void()>> due_;
  id last_ = 0;
};

/// The operations of a store.
enum class store_call : std::uint8_t {
  get,
  get_many,
  acquire,
  acquire_many,
  take_lease,
  force_lease,
  force_lease_many,
  fill,
  fill_many,
  release,
  renew,
  invalidate,
  expire,
  take,
  invalidate_matching,
  touch,
  raise,
  apply,
  restore,
  floors,
  put,
  remove,
  clear,
  read_watermark,
  advance_watermark,
  charge,
};
inline constexpr std::size_t store_calls = static_cast<std::size_t>(store_call::charge) + 1;

std::string_view name(store_call which) noexcept;

/// Selects the calls of a store that suffer a fault.
struct fault_rule {
  /// Empty: every operation.
  std::optional<store_call> call = {};
  /// Called with the operation and one of its keys: each key of a batch, "" for none. Empty: every key.
  std::function<bool(store_call, std::string_view key)> when = {};
  /// Of the matching calls, `skip` are spared and the next `times` suffer; 0: all that follow. The third
  /// call only: `{.skip = 2, .times = 1}`.
  std::size_t skip = 0;
  std::size_t times = 0;
  /// The probability that a call matches, drawn from the store's seed.
  double probability = 1;
  /// The store does its work and only its answer suffers, as when a connection is lost.
  bool after = false;
};

/// A store that wraps another and fails by script. Without rules it changes nothing. If several rules
/// match a call, the first applies.
///
///   faulty_store store(strata::connect(server));
///   store.fail({.call = store_call::fill, .after = true});  // filled, but the caller sees an error
///   store.delay({.call = store_call::get, .times = 1});
///   … start a read, invalidate its key, then: store.let_go();
///
/// Lifetime: tasks may outlive it; its destructor releases all waiting calls.
class faulty_store final : public store, public rate_limit_store {
 public:
  /// `seed` drives the probabilities and the corruption. Requires: `real` is not null.
  explicit faulty_store(std::shared_ptr<store> real, std::uint64_t seed = 1);
  ~faulty_store() override;

  /// The call waits until `let_go`, and then goes on unharmed.
  void delay(fault_rule rule);
  /// The call ends with `what`.
  void fail(fault_rule rule, error what = {errc::store_unavailable, "a fault of the test"});
  /// The call waits until `let_go`, and then ends with errc::timeout.
  void drop(fault_rule rule);
  /// Flips one bit of each value that the call reads or writes. Throws bad_options if the rule's
  /// operation carries no values.
  void corrupt(fault_rule rule);

  /// Wraps another store from now on, as after a failover. Calls in progress end with the old one.
  /// Notifies no observer: see `lose`.
  void replace(std::shared_ptr<store> real);

  /// Notifies observers that changes were missed, as a store does after it has reconnected.
  void lose(bool may_have_forgotten = false);
  /// Passes `until` and `source_watermark` to every observer: store_observer::trust_until.
  void trust_until(time_point until, time_point source_watermark = time_point::min());
  /// Stops the notifications of changes to observers, or lets them through again.
  void mute(bool muted);

  /// Removes all rules. Waiting calls go on waiting.
  void heal();

  /// How many calls wait.
  std::size_t waiting() const;
  /// Releases the first `at_most` waiting calls in the order they came. Returns how many.
  std::size_t let_go(std::size_t at_most = SIZE_MAX);

  /// How many calls were made, faults included.
  std::size_t calls(store_call which) const;

  task<result<std::optional<stored_value>>> get(std::string_view key) override;
  task<result<std::vector<std::optional<stored_value>>>> get_many(std::span<const std::string> keys) override;
  task<result<acquire_result>> acquire(std::string_view key, duration hold, commit_time known) override;
  task<result<std::vector<acquire_result>>> acquire_many(std::span<const std::string> keys, duration hold,
                                                         commit_time known) override;
  task<result<lease_grant>> take_lease(std::string_view key, duration hold, commit_time known) override;
  task<result<lease_grant>> force_lease(std::string_view key, duration hold, commit_time known) override;
  task<result<std::vector<lease_grant>>> force_lease_many(std::span<const std::string> keys, duration hold,
                                                          commit_time known) override;
  task<result<fill_result>> fill(fill_request value) override;
  task<result<std::vector<fill_result>>> fill_many(std::span<const fill_request> fills) override;
  task<result<void>> release(std::string_view key, lease_token lease) override;
  task<result<bool>> renew(std::string_view key, lease_token lease, duration hold) override;
  task<result<commit_time>> invalidate(std::span<const std::string> keys, commit_time at_least) override;
  task<result<commit_time>> expire(std::span<const std::string> keys, commit_time at_least) override;
  task<result<taken_value>> take(std::string_view key, commit_time at_least) override;
  task<result<sweep_result>> invalidate_matching(std::string_view glob, commit_time at_least) override;
  task<result<bool>> touch(std::string_view key, duration ttl) override;
  task<result<commit_time>> raise(std::span<const floor_entry> floors) override;
  task<result<commit_time>> apply(store_invalidation what) override;
  task<result<void>> restore(std::span<const floor_entry> floors) override;
  task<result<std::vector<floor_entry>>> floors() override;
  task<result<void>> put(std::string_view key, std::string_view bytes, duration ttl) override;
  task<result<bool>> remove(std::string_view key) override;
  task<result<commit_time>> clear(commit_time at_least) override;
  task<result<relay_watermark>> read_watermark() override;
  task<result<std::optional<relay_watermark>>> advance_watermark(relay_watermark seen) override;
  /// Errors: also invalid_argument, if the store behind keeps no rate limits.
  task<result<rate_standing>> charge(rate_charge what) override;
  void observe(store_observer& observer) override;
  void unobserve(store_observer& observer) override;
  std::string_view name_space() const noexcept override;

 private:
  struct script;
  struct relay;
  std::shared_ptr<script> script_;
  std::unique_ptr<relay> relay_;
};

/// Records the events that are published on a bus.
/// Lifetime: either may end first.
class recording_bus {
 public:
  /// Listens to events whose type matches `type`, as in `event_bus::subscribe`.
  explicit recording_bus(event_bus& bus, std::string type = "*");
  ~recording_bus();

  /// The events published so far, in order; or those of `type` only.
  std::vector<domain_event> events() const;
  std::vector<domain_event> events(std::string_view type) const;
  /// Forgets the events so far.
  void clear();

 private:
  struct record;
  std::shared_ptr<record> record_;
};

}  // namespace strata::testing
