#pragma once
/// The cache: typed operations over memory (L1) and an optional shared store (L2).
/// Threads: a `cache` may be used from any thread. Long because each operation states its contract.
///
///   strata::cache cache;
///   const strata::entity<agent, "agent:{id}"> agents{{.ttl = 30min}};
///   auto found = co_await cache.get_or_set(agents("agt_1"), [&] { return load("agt_1"); });
///
/// Consistency: once an invalidation of a key, a tag or a prefix has returned, no later read returns a value
/// that was read from its source before, and no such value is stored. A read that began earlier may still
/// return the value that its own factory read.
///
/// Dropping: the task of every operation may be destroyed while it waits, before its cache and on the thread
/// of its executor (strata/task.hpp). It is then not resumed any more, and other callers do not notice. Reads
/// leave no flight and no lease behind. An invalidation goes on to its end. `set`, `set_many`, `set_absent`
/// and `set_committed` remove their keys, since L2 may have stored the value.

#include <strata/consistency_token.hpp>
#include <strata/encryption.hpp>
#include <strata/entity.hpp>
#include <strata/error.hpp>
#include <strata/eviction.hpp>
#include <strata/factory.hpp>
#include <strata/invalidation.hpp>
#include <strata/lookup.hpp>
#include <strata/observer.hpp>
#include <strata/stats.hpp>
#include <strata/stopping.hpp>
#include <strata/store.hpp>
#include <strata/task.hpp>
#include <strata/timer.hpp>

#include <concepts>
#include <functional>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace strata {

class unit_of_work;

namespace detail {
class engine;
}

/// How a cache is made. The defaults are a memory-only cache of 64 MiB.
struct cache_options {
  /// How much memory L1 may use: keys, values and index together.
  byte_size memory{64u << 20};

  /// Which entries are evicted from L1 when room is needed, and which hit ratio that is to maximise.
  eviction_policy eviction = eviction_policy::s3camp;
  eviction_objective objective = eviction_objective::objects;

  /// L2; null: this process's memory only.
  std::shared_ptr<store> second_level;

  /// Without L2: a relay (relay.hpp) reports to this cache what others write to its source. Memory is
  /// trusted only until the time that the relay gives (coherence_control). With L2, set
  /// store_options::relayed.
  bool relayed = false;

  /// Prepended to every key in L2, so that several caches can share a server. a-z, 0-9, _ and -. Must be that
  /// of `second_level`.
  std::string name_space = "strata";

  /// The keys that encrypt values of sensitive policies in L2. Null or empty: these values stay in L1.
  std::shared_ptr<const key_ring> encryption;

  /// How long a call to L2 may take before it counts as failed. 0: no limit.
  duration l2_timeout = std::chrono::milliseconds(200);

  /// After this many failures of L2 in a row (0: never) it is left alone for `breaker_open_for`, then tried
  /// with one call at a time.
  unsigned breaker_failures = 5;
  duration breaker_open_for = std::chrono::seconds(5);

  /// How much memory the invalidations may take that could not be delivered to L2 yet; and as much again for
  /// those of the last 10 minutes. If there are more, the namespace is cleared instead.
  byte_size backlog_budget{8u << 20};

  /// How long the right to fill a key in L2 lasts. The process that holds it renews it while its factory
  /// runs, so it ends soon after that process has died. Readers of other processes wait for the holder, but
  /// never longer than this, a second, or two thirds of the policy's hard_timeout; then they ask the source.
  duration fill_lease = std::chrono::seconds(2);

  /// A read that fills one key returns once this process has the value, and L2 gets it in the background. So
  /// a slow L2 does not slow down a miss. It costs a part of the guarantee: until L2 has taken or refused the
  /// value, which it does within `l2_timeout` or counts as failed, this process may serve it although another
  /// process has invalidated it meanwhile. This process's own invalidations hold at once. A value that L2
  /// refuses, or does not confirm in time, leaves memory. Batches and writers still wait for L2.
  bool fill_l2_behind = false;

  /// How many factories may run at once in this process (0: no limit), and how many may wait for their turn.
  /// Further reads fail with errc::busy.
  unsigned factory_limit = 0;
  unsigned factory_queue = 1024;

  /// Hooks, or null.
  std::shared_ptr<cache_observer> observer;

  /// Where background refreshes and factories with a timeout run. It, the timers and the clock outlive the
  /// cache and its background work.
  executor* background = &system_background();
  timers* timer = &system_timers();

  /// How often L1 drops expired entries in the background, a bounded number each time. 0: only when
  /// `maintain` is called, and when writes need the room.
  duration maintenance_interval = std::chrono::seconds(1);

  /// False: a cache that caches nothing, until `enable` is called. For tests, and to rule a cache out.
  bool enabled = true;

  /// Seed of the random numbers behind jitter and XFetch; 0: chosen at random.
  std::uint64_t seed = 0;

  const clock* time = &system_clock();
};

namespace detail {

/// A typed_key with its type erased. Lifetime: the typed key outlives it.
struct any_key {
  const strata::key& key;
  const std::shared_ptr<const strata::policy>& policy;
  cache_type type;
  const detail::value_type* value_type;
  commit_time required_asof = 0;
  bool bypass = false;
  bool without_l1 = false;
  bool without_l2 = false;

  bool cacheable() const noexcept { return key.cacheable() && !bypass; }
};

/// A lookup with its type erased.
struct any_lookup {
  any_value value;
  read_info info;
  std::shared_ptr<const error> failure;
  bool refresh_due = false;  ///< a hit whose value is due for a refresh in the background
};

}  // namespace detail

/// A cache of typed values: see the top of this header.
class cache {
 public:
  /// Throws bad_options that names every problem of `options`.
  explicit cache(cache_options options = {});
  ~cache();
  cache(const cache&) = delete;
  cache& operator=(const cache&) = delete;

  /// The value of `key`, from L1 or L2. Never runs a factory.
  /// Cost: hit O(1), ready at once, no coroutine frame; miss one L2 round trip.
  template <class T>
  task<lookup<T>> get(const typed_key<T>& key) {
    auto hit = find(erased(key));
    if (hit.info.from != layer::none) return lookup<T>(std::move(hit));
    if (!has_second_level()) return lookup<T>(missed(erased(key), std::move(hit)));
    return stoppable(key.options.stop, then_get(*engine_, key));
  }

  /// The value of `key`, running `factory` on a miss.
  /// One call a key at a time in this process; other callers wait for it and get its value,
  /// its error or its exception.
  /// Requires: `factory` does not call this cache for the same key.
  /// Returns:  value | stale value (policy) | not found (negative) | error
  /// Errors:   what `factory` returns; timeout (policy.hard_timeout); busy (options.factory_limit); cancelled
  ///           (key.stopping); rethrows what `factory` throws. A failing L2 is not an error.
  /// Threads:  any; resumes on the caller's executor. With timeouts in the policy, with a stop_token, and
  ///           for a background refresh, `factory` runs on options.background.
  /// Cancel:   dropping the task of the caller whose factory runs makes the waiting callers retry. A stop
  ///           ends the caller's wait only: the factory goes on.
  /// Lifetime: `key` copied; `factory` kept until it has run.
  /// Cost:     hit O(1), no I/O, no coroutine frame; miss factory + at most two L2 round trips.
  template <class T, factory F>
  task<lookup<T>> get_or_set(const typed_key<T>& key, F factory) {
    auto hit = find(erased(key));
    if (hit.info.from != layer::none) {
      if (hit.refresh_due) refresh_behind(erased(key), detail::erase_factory<T>(std::move(factory)));
      return lookup<T>(std::move(hit));
    }
    return stoppable(key.options.stop,
                     then_fill(*engine_, key, detail::erase_factory<T>(std::move(factory)), hit.info.reason));
  }

  /// Replaces the cached value, which is served until then, by what `factory` reads from now on. It does not
  /// wait for a get_or_set under way, nor for another process: what these had read before is not stored.
  /// While one refresh of the key reads, further ones share the next. Returns:  as get_or_set; under
  /// fail-safe the old value, marked stale, if `factory` fails
  template <class T, factory F>
  task<lookup<T>> refresh(const typed_key<T>& key, F factory) {
    return stoppable(key.options.stop,
                     then_refresh(*engine_, key, detail::erase_factory<T>(std::move(factory))));
  }

  /// Stores `value`, which is current as of now. Returns whether it was stored: a value that is older than
  /// an invalidation of it is not.
  /// Cancel: dropping the task removes the key.
  template <class T>
  task<bool> set(const typed_key<T>& key, T value) {
    return store_value(key, std::make_shared<const T>(std::move(value)));
  }

  /// Removes the value of `key` from every layer, and returns it if it was fresh. Of several callers, in any
  /// process, at most one gets it, provided that the store says so (`store::take`; Redis does). For values
  /// that must be used once. Returns:  value | not found (negative) | miss; also with reason l2_down: then L2
  /// is to forget the value
  ///           later, and no caller gets it.
  /// Cost:     as remove.
  template <class T>
  task<lookup<T>> take(const typed_key<T>& key) {
    return then_take(key);
  }

  /// Remembers that there is no value, for the policy's negative_ttl.
  template <class T>
  task<bool> set_absent(const typed_key<T>& key) {
    return store_value(key, std::shared_ptr<const T>());
  }

  /// The right to store a value that a writer is about to commit: take it before COMMIT and pass it to
  /// `set_committed` after. An invalidation in between makes it void. A ticket that is dropped without
  /// `set_committed` removes the key, since the commit may have happened.
  class write_ticket {
   public:
    write_ticket(write_ticket&&) noexcept;
    write_ticket& operator=(write_ticket&&) noexcept;
    ~write_ticket();

   private:
    friend class cache;
    struct state;
    explicit write_ticket(std::unique_ptr<state> held);
    std::unique_ptr<state> state_;
  };
  template <class T>
  task<write_ticket> begin_write(const typed_key<T>& key) {
    return take_ticket(key.key);
  }
  /// Replaces what is cached under the ticket's key by `value` (null: it does not exist).
  template <class T>
  task<bool> set_committed(write_ticket ticket, const typed_key<T>& key, std::shared_ptr<const T> value) {
    return commit_value(std::move(ticket), key, std::move(value));
  }

  /// The values of `wanted`, in their order. Cost: one L2 round trip to each node for all L1 misses.
  /// A stop of `stop` ends the wait: what is not in memory then fails with errc::cancelled.
  template <class T>
  task<std::vector<lookup<T>>> get_many(std::vector<typed_key<T>> wanted, std::stop_token stop = {}) {
    return stoppable_many(std::move(wanted), detail::any_batch_factory(), std::move(stop));
  }

  /// As get_many; `factory` is called once with the indices of the misses in `wanted`, as
  /// `std::span<const std::size_t>`. It returns one value for each: a vector of optional<T> or of
  /// shared_ptr<const T>, or a result or a task of such a vector.
  /// If `factory` throws, or returns another number of values (std::length_error), hits and stale values
  /// under fail-safe stay, and `failure()` of the others says what it threw. If there are none, it is
  /// rethrown.
  template <class T, class F>
  task<std::vector<lookup<T>>> get_or_set_many(std::vector<typed_key<T>> wanted, F factory,
                                               std::stop_token stop = {}) {
    return stoppable_many(std::move(wanted), detail::erase_batch<T>(std::move(factory)), std::move(stop));
  }

  /// `set` for each of `values`; of several for one key the last counts. Returns how many were stored.
  /// Cost: two L2 round trips to each node, for all of them.
  template <class T>
  task<std::size_t> set_many(std::vector<std::pair<typed_key<T>, T>> values) {
    std::vector<detail::any_key> keys;
    std::vector<detail::any_value> all;
    for (auto& [key, value] : values) {
      keys.push_back(erased(key));
      all.push_back(std::make_shared<const T>(std::move(value)));
    }
    co_return co_await set_many(std::span(keys), std::move(all));
  }

  /// Removes, or expires, all that `what` names from every layer. When the task ends, no read in this process
  /// returns an old value, and no fill that began before can bring it back. While L2 is away, the
  /// invalidation applies here at once, and is delivered to L2 later. Cost: one L2 round trip a node. Without
  /// L2 O(keys); to remove everything, O(entries in memory).
  /// Cancel: a dropped task goes on to its end.
  task<invalidation_result> invalidate(invalidation what);

  /// `invalidate` of one key, or of several.
  template <class T>
  task<invalidation_result> remove(const typed_key<T>& key) {
    return remove(key.key);
  }
  task<invalidation_result> remove(const key& key);
  /// Cost: one L2 round trip to each node, for all of them.
  task<invalidation_result> remove(std::vector<key> keys);
  template <class T>
  task<invalidation_result> remove(const std::vector<typed_key<T>>& keys) {
    return remove(texts_of(keys));
  }

  /// Expires `key`: the next read fills it again, and until then the policy may allow serving the value as
  /// stale. To hide a value at once, remove it instead.
  template <class T>
  task<invalidation_result> expire(const typed_key<T>& key) {
    return expire(key.key);
  }
  task<invalidation_result> expire(const key& key);
  /// Cost: as remove.
  task<invalidation_result> expire(std::vector<key> keys);
  template <class T>
  task<invalidation_result> expire(const std::vector<typed_key<T>>& keys) {
    return expire(texts_of(keys));
  }
  task<invalidation_result> expire_by_tag(std::string_view tag);
  task<invalidation_result> expire_by_prefix(std::string_view prefix);
  task<invalidation_result> expire_all();

  /// Removes every value that has `tag`. Cost: O(1), whatever the number of values.
  task<invalidation_result> remove_by_tag(std::string_view tag);
  /// The same for each of `tags`. Cost: one L2 round trip.
  task<invalidation_result> remove_by_tags(std::vector<std::string> tags);

  /// Removes every key that is `prefix` or continues it at a `:`. Cost: O(1).
  task<invalidation_result> remove_by_prefix(std::string_view prefix);

  /// Removes every key that matches `glob` (`*`, `?`, `[…]`, `\`).
  /// Cost: O(1) for a prefix such as `a:b:*`; any other glob visits all keys.
  task<invalidation_result> remove_pattern(std::string_view glob);

  /// Removes everything. Cost: O(entries in memory).
  task<invalidation_result> clear();

  /// Gives the value of `key` a new time to live, of at most policy::max_ttl. Returns whether there was a
  /// fresh value. Cost: one L2 round trip; two if L1 does not have the value.
  template <class T>
  task<bool> touch(const typed_key<T>& key, duration ttl) {
    return touch(key.key, ttl);
  }
  task<bool> touch(const key& key, duration ttl);

  /// A token of the latest write through this cache. Take it when the write has returned; a session carries
  /// it to the other processes that it reads from. Cost: O(1), no I/O.
  consistency_token latest_write() const noexcept;

  /// The oldest time that a read may be as of (`key.at_least(…)`) to contain the writes that `token` stands
  /// for; 0 if any value here does. If the caches share no store, every value that was read before the token
  /// was first seen here is too old.
  commit_time required_asof(const consistency_token& token);

  /// The state of `key` in every layer, and what the next read will do and why.
  task<explanation> explain(const key& key);

  /// What `invalidate(what)`, and `remove_pattern` of each of `globs`, would take from this process's memory
  /// now: the types with at least one such value. L2 and other processes may hold more.
  /// Cost: O(entries in memory), a part of one shard's lock at a time.
  std::vector<value_count> preview(const invalidation& what,
                                   const std::vector<std::string>& globs = {}) const;

  /// A snapshot of counters and sizes. Cost: O(threads × types), so not for hot paths.
  cache_stats stats() const;

  // For operators.

  /// Turns the cache off and on while it runs. While it is off, `get` finds nothing, every other read asks
  /// the source, and nothing is stored. Writes and invalidations still take effect on what L2 holds, so that
  /// nothing older is served once the cache is on again. `disable` empties L1. A factory that runs meanwhile
  /// ends as usual, and its value is not stored. Cost: enable O(1); disable O(entries in memory). Idempotent.
  void enable();
  void disable();
  bool enabled() const noexcept;

  /// Changes how much memory L1 may use, and evicts down to it before it returns. Other calls go on
  /// meanwhile. Throws bad_options if `memory` is below 64 KiB. Cost: O(entries evicted), a shard's lock at a
  /// time.
  void resize(byte_size memory);

  /// Drops expired entries from L1, a bounded number each call. The cache calls it by itself, at
  /// cache_options::maintenance_interval.
  void maintain();

  /// Lets no further factory begin: a read that needs one fails with `busy`. Returns when the running
  /// factories have ended, those in the background too. Call it before you destroy what factories use, such
  /// as repositories and databases. Hits go on. Idempotent. Requires: no factory needs the calling thread to
  /// end.   Blocks for as long as the slowest of them.
  void stop_filling() noexcept;

 private:
  template <class T>
  static detail::any_key erased(const typed_key<T>& key) {
    const auto& how = key.options;
    return {key.key,      key.policy, key.type,       &detail::value_type_of<T>,
            how.at_least, how.bypass, how.without_l1, how.without_l2};
  }
  template <class T>
  static std::vector<detail::any_key> erased(const std::vector<typed_key<T>>& wanted) {
    std::vector<detail::any_key> keys;
    keys.reserve(wanted.size());
    for (const auto& each : wanted) keys.push_back(erased(each));
    return keys;
  }
  template <class T>
  static std::vector<lookup<T>> typed(std::vector<detail::any_lookup> found) {
    std::vector<lookup<T>> out;
    out.reserve(found.size());
    for (auto& each : found) out.emplace_back(std::move(each));
    return out;
  }

  // What may go on without its caller after a stop does not use `this`, but the engine, which is kept.
  template <class T>
  static task<lookup<T>> then_get(detail::engine& in, typed_key<T> key) {
    co_return lookup<T>(co_await get_slow(in, erased(key)));
  }
  template <class T>
  static task<lookup<T>> then_fill(detail::engine& in, typed_key<T> key, detail::any_factory factory,
                                   miss_reason reason) {
    co_return lookup<T>(co_await fill_slow(in, erased(key), std::move(factory), reason));
  }
  template <class T>
  static task<std::vector<lookup<T>>> then_many(detail::engine& in, std::vector<typed_key<T>> wanted,
                                                detail::any_batch_factory factory) {
    const auto keys = erased(wanted);
    co_return typed<T>(co_await many_slow(in, std::span(keys), std::move(factory)));
  }

  template <class T>
  task<lookup<T>> stoppable(const std::stop_token& stop, task<lookup<T>> work) {
    if (!stop.stop_possible()) return work;
    return until_stopped(detail::run_until_stopped(background(), engine_, std::move(work), stop));
  }
  template <class T>
  static task<lookup<T>> until_stopped(task<std::optional<lookup<T>>> work) {
    auto ended = co_await std::move(work);
    co_return ended ? std::move(*ended) : lookup<T>(cancelled());
  }
  template <class T>
  task<std::vector<lookup<T>>> stoppable_many(std::vector<typed_key<T>> wanted,
                                              detail::any_batch_factory factory, std::stop_token stop) {
    if (!stop.stop_possible()) return then_many(*engine_, std::move(wanted), std::move(factory));
    return many_until_stopped(std::move(wanted), std::move(factory), std::move(stop));
  }
  template <class T>
  task<std::vector<lookup<T>>> many_until_stopped(std::vector<typed_key<T>> wanted,
                                                  detail::any_batch_factory factory, std::stop_token stop) {
    auto work = detail::run_until_stopped(background(), engine_,
                                          then_many(*engine_, wanted, std::move(factory)), std::move(stop));
    auto ended = co_await std::move(work);
    if (ended) co_return std::move(*ended);
    std::vector<lookup<T>> out;
    for (const auto& each : wanted) {
      auto hit = find(erased(each));
      out.emplace_back(hit.info.from != layer::none ? std::move(hit) : cancelled());
    }
    co_return out;
  }
  template <class T>
  task<bool> store_value(typed_key<T> key, std::shared_ptr<const T> value) {
    co_return co_await set_any(erased(key), std::move(value));
  }
  template <class T>
  task<bool> commit_value(write_ticket ticket, typed_key<T> key, std::shared_ptr<const T> value) {
    co_return co_await set_any(std::move(ticket), erased(key), std::move(value));
  }

  template <class T>
  static std::vector<key> texts_of(const std::vector<typed_key<T>>& keys) {
    std::vector<key> out;
    out.reserve(keys.size());
    for (const auto& each : keys) out.push_back(each.key);
    return out;
  }

  template <class T>
  task<lookup<T>> then_take(typed_key<T> key) {
    co_return lookup<T>(co_await take_any(erased(key)));
  }
  template <class T>
  static task<lookup<T>> then_refresh(detail::engine& in, typed_key<T> key, detail::any_factory factory) {
    co_return lookup<T>(co_await refresh_slow(in, erased(key), std::move(factory)));
  }

  bool has_second_level() const noexcept;
  executor& background() const noexcept;
  static detail::any_lookup cancelled();
  static task<detail::any_lookup> refresh_slow(detail::engine& in, detail::any_key target,
                                               detail::any_factory factory);
  void refresh_behind(const detail::any_key& target, detail::any_factory factory);
  detail::any_lookup find(const detail::any_key& target);
  detail::any_lookup missed(const detail::any_key& target, detail::any_lookup lookup);
  static task<detail::any_lookup> get_slow(detail::engine& in, detail::any_key target);
  static task<detail::any_lookup> fill_slow(detail::engine& in, detail::any_key target,
                                            detail::any_factory factory, miss_reason reason);
  task<detail::any_lookup> take_any(detail::any_key target);
  task<bool> set_any(detail::any_key target, detail::any_value value);
  task<bool> set_any(write_ticket ticket, detail::any_key target, detail::any_value value);
  task<std::size_t> set_many(std::span<const detail::any_key> keys, std::vector<detail::any_value> values);
  task<write_ticket> take_ticket(key key);
  /// `begin_write` for each of `keys`. Cost: one L2 round trip to each node.
  task<std::vector<write_ticket>> take_tickets(std::vector<key> keys);
  /// `set_committed` for each of `tickets`. Cost: as take_tickets. Lifetime: `targets` outlive the task.
  task<std::vector<bool>> set_all_committed(std::vector<write_ticket> tickets,
                                            std::span<const detail::any_key> targets,
                                            std::vector<detail::any_value> values);
  void invalidate_behind(invalidation what);
  /// Without a factory it only reads. Lifetime: `keys` outlive the task.
  static task<std::vector<detail::any_lookup>> many_slow(detail::engine& in,
                                                         std::span<const detail::any_key> keys,
                                                         detail::any_batch_factory factory);

  friend class coherence_control;
  friend class unit_of_work;
  std::shared_ptr<detail::engine> engine_;
};

/// For the component that reports changes of the source to a cache without L2, such as a relay: how long the
/// cache may trust what is in memory. A cache over a store gets this from its store.
/// Threads: any.
class coherence_control {
 public:
  /// Requires: cache_options::relayed. Lifetime: `of` outlives it.
  explicit coherence_control(cache& of) noexcept : engine_(of.engine_.get()) {}

  /// Memory can be trusted until `until`: every change that was committed to the source before
  /// `source_watermark` has been reported, through the operations of the cache. Each call replaces the one
  /// before. Cost: O(1), no I/O.
  void trust(time_point until, time_point source_watermark) noexcept;

 private:
  detail::engine* engine_;
};

}  // namespace strata
