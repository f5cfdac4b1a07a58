#pragma once
/// The cache for code without coroutines: the same operations, each of which waits for its end.
/// Threads: a `blocking_cache` may be used from any thread, as the cache under it.
///
///   strata::cache cache;
///   auto now = strata::blocking(cache);
///   auto found = now.get_or_set(agents("agt_1"), [&] { return load("agt_1"); });
///
/// Requires, of every operation: the calling thread is not one that the work needs to go on. So do
///   not call it from a coroutine, a hook or a factory, nor on a thread of `options.background`, of
///   the store or of the database: it would wait for itself. A thread pool of the caller's own is fine.
/// Errors: as the operation of `cache`; an exception of a factory comes through unchanged.
/// Cost:   a hit is the cache's own hit: no coroutine frame, no lock and no allocation besides;
///         anything else one queue with a lock on the caller's stack, and the sleep it is for.

#include <strata/cache.hpp>
#include <strata/cached.hpp>

#include <memory>
#include <string_view>
#include <utility>
#include <vector>

namespace strata {

/// A cache whose calls block the thread until they are done.
class blocking_cache {
 public:
  /// Lifetime: `over` outlives it.
  explicit blocking_cache(cache& over) noexcept : cache_(&over) {}

  /// The cache under it: both may be used side by side.
  cache& underlying() const noexcept { return *cache_; }

  template <class T>
  lookup<T> get(const typed_key<T>& where) const {
    return sync_wait(cache_->get(where));
  }
  /// `factory` runs on this thread, or with timeouts in the policy on `options.background`.
  template <class T, factory F>
  lookup<T> get_or_set(const typed_key<T>& where, F factory) const {
    return sync_wait(cache_->get_or_set(where, std::move(factory)));
  }
  template <class T, factory F>
  lookup<T> refresh(const typed_key<T>& where, F factory) const {
    return sync_wait(cache_->refresh(where, std::move(factory)));
  }

  template <class T>
  bool set(const typed_key<T>& where, T value) const {
    return sync_wait(cache_->set(where, std::move(value)));
  }
  template <class T>
  bool set_absent(const typed_key<T>& where) const {
    return sync_wait(cache_->set_absent(where));
  }
  template <class T>
  cache::write_ticket begin_write(const typed_key<T>& where) const {
    return sync_wait(cache_->begin_write(where));
  }
  template <class T>
  bool set_committed(cache::write_ticket ticket, const typed_key<T>& where,
                     std::shared_ptr<const T> value) const {
    return sync_wait(cache_->set_committed(std::move(ticket), where, std::move(value)));
  }

  template <class T>
  std::vector<lookup<T>> get_many(std::vector<typed_key<T>> wanted) const {
    return sync_wait(cache_->get_many(std::move(wanted)));
  }
  template <class T, class F>
  std::vector<lookup<T>> get_or_set_many(std::vector<typed_key<T>> wanted, F factory) const {
    return sync_wait(cache_->get_or_set_many(std::move(wanted), std::move(factory)));
  }
  template <class T>
  std::size_t set_many(std::vector<std::pair<typed_key<T>, T>> values) const {
    return sync_wait(cache_->set_many(std::move(values)));
  }

  template <class T>
  void remove(const typed_key<T>& where) const {
    sync_wait(cache_->remove(where));
  }
  void remove(const key& where) const { sync_wait(cache_->remove(where)); }
  void remove(std::vector<key> keys) const { sync_wait(cache_->remove(std::move(keys))); }
  void remove_by_tag(std::string_view tag) const { sync_wait(cache_->remove_by_tag(tag)); }
  void remove_by_prefix(std::string_view prefix) const { sync_wait(cache_->remove_by_prefix(prefix)); }
  void remove_pattern(std::string_view glob) const { sync_wait(cache_->remove_pattern(glob)); }
  void clear() const { sync_wait(cache_->clear()); }

  template <class T>
  void expire(const typed_key<T>& where) const {
    sync_wait(cache_->expire(where));
  }
  void expire(const key& where) const { sync_wait(cache_->expire(where)); }
  void expire_by_tag(std::string_view tag) const { sync_wait(cache_->expire_by_tag(tag)); }
  void expire_by_prefix(std::string_view prefix) const { sync_wait(cache_->expire_by_prefix(prefix)); }
  void expire_all() const { sync_wait(cache_->expire_all()); }

  template <class T>
  bool touch(const typed_key<T>& where, duration ttl) const {
    return sync_wait(cache_->touch(where, ttl));
  }
  bool touch(const key& where, duration ttl) const { return sync_wait(cache_->touch(where, ttl)); }

  explanation explain(const key& where) const { return sync_wait(cache_->explain(where)); }
  cache_stats stats() const { return cache_->stats(); }
  void maintain() const { cache_->maintain(); }
  void resize(byte_size memory) const { cache_->resize(memory); }

 private:
  cache* cache_;
};

/// A `cached` function whose callers wait. A wrong number or kind of arguments does not compile.
template <class Cached>
class blocking_function {
 public:
  using value_type = typename Cached::value_type;

  explicit blocking_function(Cached over) : cached_(std::move(over)) {}

  template <class... Arguments>
    requires std::invocable<const Cached&, const Arguments&...>
  lookup<value_type> operator()(const Arguments&... arguments) const {
    return sync_wait(cached_(arguments...));
  }
  template <class... Arguments>
    requires std::invocable<const Cached&, const Arguments&...>
  void invalidate(const Arguments&... arguments) const {
    sync_wait(cached_.invalidate(arguments...));
  }
  template <class... Arguments>
    requires std::invocable<const Cached&, const Arguments&...>
  lookup<value_type> refresh(const Arguments&... arguments) const {
    return sync_wait(cached_.refresh(arguments...));
  }
  template <class... Arguments>
    requires std::invocable<const Cached&, const Arguments&...>
  typed_key<value_type> key_for(const Arguments&... arguments) const {
    return cached_.key_for(arguments...);
  }

 private:
  Cached cached_;
};

/// `over` for code that waits. Lifetime: `over` outlives what is returned.
inline blocking_cache blocking(cache& over) noexcept {
  return blocking_cache(over);
}

/// What `cached` returned, for code that waits: `blocking(cached(cache, agents, load))`.
template <class Entity, class F, class KeyBuilder>
auto blocking(cached_function<Entity, F, KeyBuilder> over) {
  return blocking_function<cached_function<Entity, F, KeyBuilder>>(std::move(over));
}

}  // namespace strata
