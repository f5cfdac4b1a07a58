#pragma once
/// The cache: typed operations over one engine, with memory (L1) and an optional shared store
/// (L2) beneath it.
/// Threads: a `cache` may be used from any thread.
///
///   strata::cache cache;
///   const strata::entity<agent, "agent:{id}"> agents{{.ttl = 30min}};
///   auto found = co_await cache.get_or_set(agents("agt_1"), [&] { return load("agt_1"); });
///
/// Consistency: once an invalidation of a key, a tag or a prefix has returned, no read that begins
/// gets a value that was read from its source before, and no such value is stored any more. A read
/// that began earlier may still end with what its own factory read.

#include <strata/consistency_token.hpp>
#include <strata/encryption.hpp>
#include <strata/entity.hpp>
#include <strata/error.hpp>
#include <strata/eviction.hpp>
#include <strata/factory.hpp>
#include <strata/lookup.hpp>
#include <strata/observer.hpp>
#include <strata/stats.hpp>
#include <strata/store.hpp>
#include <strata/task.hpp>
#include <strata/timer.hpp>

#include <concepts>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace strata {

namespace detail {
class engine;

}

struct cache_options {
  /// What L1 may use, all of it counted: keys, values, index.
  byte_size memory{64u << 20};

  /// Who leaves L1 when room is needed, and what is to be kept high by that.
  eviction_policy eviction = eviction_policy::s3camp;
  eviction_objective objective = eviction_objective::objects;

  /// L2; null: this process's memory only.
  std::shared_ptr<store> second_level;

  /// Without L2: a relay (relay.hpp) tells this cache what others write to its source. Nothing in memory
  /// is trusted but for as long as it says so by `trust`. With L2, store_options::relayed is the same.
  bool relayed = false;

  /// Prepended to every key in L2, so that several caches can share a store. a-z, 0-9, _ and -.
  std::string name_space = "strata";

  /// What encrypts values of sensitive policies in L2. Null or empty: they are kept in L1 only.
  std::shared_ptr<const key_ring> encryption;

  /// How long a call to L2 may take; longer is a failure. 0: for ever.
  duration l2_timeout = std::chrono::milliseconds(200);

  /// After so many failures of L2 in a row (0: never) it is left alone for `breaker_open_for`, then tried by
  /// one call at a time.
  unsigned breaker_failures = 5;
  duration breaker_open_for = std::chrono::seconds(5);

  /// What the invalidations may take that L2 could not be told yet, and as much again for those of the
  /// last 10 minutes. More clear the namespace instead.
  byte_size backlog_budget{8u << 20};

  /// How long another process may hold the right to fill a key in L2.
  duration fill_lease = std::chrono::seconds(30);

  /// How many factories may run at once in this process, and how many may wait for their turn;
  /// more end with errc::busy. 0: no limit.
  unsigned factory_limit = 0;
  unsigned factory_queue = 1024;

  /// Hooks, or null.
  std::shared_ptr<cache_observer> observer;

  /// Where factories run that nobody waits for, or only for so long. These three outlive the cache
  /// and what it runs in the background.
  executor* background = &system_background();
  timers* timer = &system_timers();

  /// Of the random numbers behind jitter and XFetch; 0: chosen at random.
  std::uint64_t seed = 0;

  const clock* time = &system_clock();
};

namespace detail {

struct any_key {
  const strata::key& key;
  const std::shared_ptr<const policy>& rules;
  cache_type type;
  const value_type* value;
  commit_time least = 0;
  bool bypass = false;

  bool cacheable() const noexcept { return key.cacheable() && !bypass; }
};

struct any_lookup {
  any_value value;
  read_info info;
  std::shared_ptr<const error> failure;
  bool refresh_due = false;  ///< a hit that wants its value refreshed in the background
};

}  // namespace detail

/// The tiered cache: memory, an optional second level, and a factory on a miss.
class cache {
 public:
  /// Throws bad_options that names every problem of `options`.
  explicit cache(cache_options options = {});
  ~cache();
  cache(const cache&) = delete;
  cache& operator=(const cache&) = delete;

  /// The value of `where`, from L1 or L2. Never runs a factory.
  /// Cost: hit O(1), ready at once, no coroutine frame; miss one L2 round trip.
  template <class T>
  task<lookup<T>> get(const typed_key<T>& where) {
    auto hit = find(erased(where));
    if (hit.info.from != layer::none) return lookup<T>(std::move(hit));
    if (!has_second_level()) return lookup<T>(give_up(erased(where), std::move(hit)));
    return then_get(where);
  }

  /// The value of `where`, running `factory` on a miss.
  /// One call a key at a time in this process; other callers wait for it and get its value,
  /// its error or its exception.
  /// Requires: `factory` does not call this cache for the same key.
  /// Returns:  value | stale value (policy) | not found (negative) | error
  /// Errors:   what `factory` returns; timeout (policy.hard_timeout); busy (options.factory_limit);
  ///           rethrows what `factory` throws. L2 failing is no error.
  /// Threads:  any; resumes on the caller's executor. With timeouts in the policy, and for a
  ///           background refresh, `factory` runs on options.background.
  /// Cancel:   dropping the task of the caller whose factory runs wakes the others to try again.
  /// Lifetime: `where` copied; `factory` kept until it has run.
  /// Cost:     hit O(1), no I/O, no coroutine frame; miss factory + at most two L2 round trips.
  template <class T, factory F>
  task<lookup<T>> get_or_set(const typed_key<T>& where, F factory) {
    auto hit = find(erased(where));
    if (hit.info.from != layer::none) {
      if (hit.refresh_due) refresh_behind(erased(where), detail::erase_factory<T>(std::move(factory)));
      return lookup<T>(std::move(hit));
    }
    return then_fill(where, detail::erase_factory<T>(std::move(factory)), hit.info.reason);
  }

  /// Runs `factory` now and replaces what is cached, which is served until then. One call a key at
  /// a time, as in get_or_set.
  template <class T, factory F>
  task<lookup<T>> refresh(const typed_key<T>& where, F factory) {
    return then_refresh(where, detail::erase_factory<T>(std::move(factory)));
  }

  /// Stores `value`, true as of now. Returns whether it was stored: a value older than what an
  /// invalidation allows is not.
  template <class T>
  task<bool> set(const typed_key<T>& where, T value) {
    return store_value(where, std::make_shared<const T>(std::move(value)));
  }

  /// Remembers that there is no value, for the policy's negative_ttl.
  template <class T>
  task<bool> set_absent(const typed_key<T>& where) {
    return store_value(where, std::shared_ptr<const T>());
  }

  /// The right to store a value that a writer will have committed: take it before COMMIT, hand
  /// it to `set_committed` after. An invalidation in between makes it void. Dropped without
  /// `set_committed`, it removes the key, since the commit may have happened.
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
  task<write_ticket> begin_write(const typed_key<T>& where) {
    return take_ticket(where.key);
  }
  /// Removes what is cached under the ticket's key and stores `value` (null: nothing) instead.
  template <class T>
  task<bool> set_committed(write_ticket ticket, const typed_key<T>& where, std::shared_ptr<const T> value) {
    return commit_value(std::move(ticket), where, std::move(value));
  }

  /// The values of `wanted`, in their order. Cost: one L2 round trip a node for all L1 misses.
  template <class T>
  task<std::vector<lookup<T>>> get_many(std::vector<typed_key<T>> wanted) {
    const auto keys = erased(wanted);
    co_return typed<T>(co_await get_many(std::span(keys)));
  }

  /// As get_many; `factory` is called once with the indices into `wanted` that were missed, as
  /// `std::span<const std::size_t>`, and returns a vector of optional<T> (or of
  /// shared_ptr<const T>), one for each, or a result or task of it.
  /// Throws what `factory` throws; std::length_error if it returns another number of values.
  template <class T, class F>
  task<std::vector<lookup<T>>> get_or_set_many(std::vector<typed_key<T>> wanted, F factory) {
    const auto keys = erased(wanted);
    co_return typed<T>(co_await get_or_set_many(std::span(keys), detail::erase_batch<T>(std::move(factory))));
  }

  /// `set` for each of `values`; of several for one key the last counts. Returns how many were stored.
  /// Cost: two L2 round trips a node, for all of them.
  template <class T>
  task<std::size_t> set_many(std::vector<std::pair<typed_key<T>, T>> values) {
    std::vector<detail::any_key> keys;
    std::vector<detail::any_value> all;
    for (auto& [where, value] : values) {
      keys.push_back(erased(where));
      all.push_back(std::make_shared<const T>(std::move(value)));
    }
    co_return co_await set_many(std::span(keys), std::move(all));
  }

  /// Removes `where` from every layer. When the task ends no reader anywhere in this process gets
  /// the old value, and no fill that began before can bring it back. With L2 away, the removal
  /// holds here at once and is kept for L2.
  template <class T>
  task<> remove(const typed_key<T>& where) {
    return remove(where.key);
  }
  task<> remove(const key& where);
  task<> remove(std::vector<key> keys);

  /// Makes `where` expired: the next read fills anew, and the value is kept for stale serving as
  /// far as the policy allows. What must not be seen any more is removed, not expired.
  template <class T>
  task<> expire(const typed_key<T>& where) {
    return expire(where.key);
  }
  task<> expire(const key& where);
  task<> expire_by_tag(std::string_view tag);
  task<> expire_by_prefix(std::string_view prefix);
  task<> expire_all();

  /// Removes every value that carries `tag`. O(1), whatever the number of values.
  task<> remove_by_tag(std::string_view tag);
  /// The same for each of `tags`. Cost: one L2 round trip.
  task<> remove_by_tags(std::vector<std::string> tags);

  /// Removes every key that is `prefix` or continues it at a `:`. O(1).
  task<> remove_by_prefix(std::string_view prefix);

  /// Removes every key that matches `glob` (`*`, `?`, `[…]`, `\`). `a:b:*` is a prefix and O(1);
  /// any other glob walks all keys.
  task<> remove_pattern(std::string_view glob);

  /// Removes everything. Cost: O(entries in memory).
  task<> clear();

  /// Gives the value of `where` a new time to live. Returns whether it was there and fresh.
  template <class T>
  task<bool> touch(const typed_key<T>& where, duration ttl) {
    return touch(where.key, ttl);
  }
  task<bool> touch(const key& where, duration ttl);

  /// What has been written through this cache so far, for a session to carry to the others that it may read
  /// from. Take it when a write has returned. Cost: O(1), no I/O.
  consistency_token latest_write() const noexcept;

  /// What a read here must be given (`where.at_least(…)`) so that it misses nothing of `mark`: 0 if nothing
  /// here does. Of caches that share no store, what was read before the mark was first shown is too old.
  commit_time required_asof(const consistency_token& mark);

  /// What is in memory can be trusted until `until`: all that was committed to the source before
  /// `source_watermark`  /// has been told, by the members above. Each call replaces the one before. For who
  /// relays the source. Requires: options.relayed.   Cost: O(1), no I/O.
  void trust(time_point until, time_point source_watermark) noexcept;

  /// Where `where` stands in every layer and why the next read will do what it will do.
  task<explanation> explain(const key& where);

  /// A snapshot of counters and sizes. Cost: O(threads × types); not for hot paths.
  cache_stats stats() const;

  /// Drops what has expired from memory, a bounded amount a call; call it about every second.
  void maintain();

  /// Changes what L1 may use, and evicts down to it before it returns. Other calls go on meanwhile.
  /// Throws bad_options if `memory` is below 64 KiB.
  /// Cost: O(entries evicted), a shard's lock at a time.
  void resize(byte_size memory);

  /// No factory begins from then on: a read that needs one fails with `busy`. Returns when those that run
  /// have ended, also those in the background that nobody waits for. So call it before what factories use
  /// goes: repositories, databases. Hits go on. Idempotent.
  /// Requires: no factory needs the calling thread to end.   Blocks for as long as the slowest of them.
  void stop_filling() noexcept;

 private:
  template <class T>
  static detail::any_key erased(const typed_key<T>& where) {
    return {where.key,          where.rules,     where.type, &detail::value_type_of<T>,
            where.how.at_least, where.how.bypass};
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

  template <class T>
  task<lookup<T>> then_get(typed_key<T> where) {
    co_return lookup<T>(co_await get_slow(erased(where)));
  }
  template <class T>
  task<lookup<T>> then_fill(typed_key<T> where, detail::any_factory factory, miss_reason reason) {
    co_return lookup<T>(co_await fill_slow(erased(where), std::move(factory), reason));
  }
  template <class T>
  task<bool> store_value(typed_key<T> where, std::shared_ptr<const T> value) {
    co_return co_await set_any(erased(where), std::move(value));
  }
  template <class T>
  task<bool> commit_value(write_ticket ticket, typed_key<T> where, std::shared_ptr<const T> value) {
    co_return co_await set_any(std::move(ticket), erased(where), std::move(value));
  }

  template <class T>
  task<lookup<T>> then_refresh(typed_key<T> where, detail::any_factory factory) {
    co_return lookup<T>(co_await refresh_slow(erased(where), std::move(factory)));
  }

  bool has_second_level() const noexcept;
  task<detail::any_lookup> refresh_slow(detail::any_key where, detail::any_factory factory);
  void refresh_behind(const detail::any_key& where, detail::any_factory factory);
  detail::any_lookup find(const detail::any_key& where);
  detail::any_lookup give_up(const detail::any_key& where, detail::any_lookup missed);
  task<detail::any_lookup> get_slow(detail::any_key where);
  task<detail::any_lookup> fill_slow(detail::any_key where, detail::any_factory factory, miss_reason reason);
  task<bool> set_any(detail::any_key where, detail::any_value value);
  task<bool> set_any(write_ticket ticket, detail::any_key where, detail::any_value value);
  task<std::size_t> set_many(std::span<const detail::any_key> keys, std::vector<detail::any_value> values);
  task<write_ticket> take_ticket(key where);
  task<std::vector<detail::any_lookup>> get_many(std::span<const detail::any_key> keys);
  task<std::vector<detail::any_lookup>> get_or_set_many(std::span<const detail::any_key> keys,
                                                        detail::any_batch_factory factory);

  std::shared_ptr<detail::engine> engine_;
};

}  // namespace strata
