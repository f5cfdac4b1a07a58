#pragma once
/// The cache for code without coroutines: the operations of `cache`, each of which blocks until it is done.
/// Threads: a `blocking_cache` may be used from any thread, like the cache under it.
///
///   strata::cache cache;
///   const auto blocking = strata::blocking(cache);
///   auto found = blocking.get_or_set(agents("agt_1"), [&] { return load("agt_1"); });
///
/// Requires, of every operation: the work does not need the calling thread. So do not call it from a
///   coroutine, a hook or a factory, nor on a thread of `options.background`, of the store or of the
///   database: it would wait for itself. A thread pool of the caller's own is fine.
/// Errors: as the operation of `cache`; an exception of a factory is rethrown unchanged.
/// Cost:   a hit is the cache's own hit, without coroutine frame, lock or allocation. Any other operation
///         also costs one locked queue on the caller's stack, and the wait.

#include <strata/cache.hpp>
#include <strata/cached.hpp>

#include <memory>
#include <string_view>
#include <utility>
#include <vector>

namespace strata {

/// A cache whose operations block: see the top of this header.
class blocking_cache {
 public:
  /// Lifetime: `over` outlives it.
  explicit blocking_cache(cache& over) noexcept : cache_(&over) {}

  /// The cache under it. Both may be used at the same time.
  cache& underlying() const noexcept { return *cache_; }

  template <class T>
  lookup<T> get(const typed_key<T>& key) const {
    return sync_wait(cache_->get(key));
  }
  /// `factory` runs on this thread, or with timeouts in the policy on `options.background`.
  template <class T, factory F>
  lookup<T> get_or_set(const typed_key<T>& key, F factory) const {
    return sync_wait(cache_->get_or_set(key, std::move(factory)));
  }
  template <class T, factory F>
  lookup<T> refresh(const typed_key<T>& key, F factory) const {
    return sync_wait(cache_->refresh(key, std::move(factory)));
  }

  template <class T>
  bool set(const typed_key<T>& key, T value) const {
    return sync_wait(cache_->set(key, std::move(value)));
  }
  template <class T>
  bool set_absent(const typed_key<T>& key) const {
    return sync_wait(cache_->set_absent(key));
  }
  template <class T>
  cache::write_ticket begin_write(const typed_key<T>& key) const {
    return sync_wait(cache_->begin_write(key));
  }
  template <class T>
  bool set_committed(cache::write_ticket ticket, const typed_key<T>& key,
                     std::shared_ptr<const T> value) const {
    return sync_wait(cache_->set_committed(std::move(ticket), key, std::move(value)));
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
  lookup<T> take(const typed_key<T>& key) const {
    return sync_wait(cache_->take(key));
  }

  invalidation_result invalidate(invalidation what) const {
    return sync_wait(cache_->invalidate(std::move(what)));
  }
  template <class T>
  invalidation_result remove(const typed_key<T>& key) const {
    return sync_wait(cache_->remove(key));
  }
  invalidation_result remove(const key& key) const { return sync_wait(cache_->remove(key)); }
  invalidation_result remove(std::vector<key> keys) const {
    return sync_wait(cache_->remove(std::move(keys)));
  }
  template <class T>
  invalidation_result remove(const std::vector<typed_key<T>>& keys) const {
    return sync_wait(cache_->remove(keys));
  }
  invalidation_result remove_by_tag(std::string_view tag) const {
    return sync_wait(cache_->remove_by_tag(tag));
  }
  invalidation_result remove_by_tags(std::vector<std::string> tags) const {
    return sync_wait(cache_->remove_by_tags(std::move(tags)));
  }
  invalidation_result remove_by_prefix(std::string_view prefix) const {
    return sync_wait(cache_->remove_by_prefix(prefix));
  }
  invalidation_result remove_pattern(std::string_view glob) const {
    return sync_wait(cache_->remove_pattern(glob));
  }
  invalidation_result clear() const { return sync_wait(cache_->clear()); }

  template <class T>
  invalidation_result expire(const typed_key<T>& key) const {
    return sync_wait(cache_->expire(key));
  }
  invalidation_result expire(const key& key) const { return sync_wait(cache_->expire(key)); }
  invalidation_result expire(std::vector<key> keys) const {
    return sync_wait(cache_->expire(std::move(keys)));
  }
  template <class T>
  invalidation_result expire(const std::vector<typed_key<T>>& keys) const {
    return sync_wait(cache_->expire(keys));
  }
  invalidation_result expire_by_tag(std::string_view tag) const {
    return sync_wait(cache_->expire_by_tag(tag));
  }
  invalidation_result expire_by_prefix(std::string_view prefix) const {
    return sync_wait(cache_->expire_by_prefix(prefix));
  }
  invalidation_result expire_all() const { return sync_wait(cache_->expire_all()); }

  template <class T>
  bool touch(const typed_key<T>& key, duration ttl) const {
    return sync_wait(cache_->touch(key, ttl));
  }
  bool touch(const key& key, duration ttl) const { return sync_wait(cache_->touch(key, ttl)); }

  consistency_token latest_write() const noexcept { return cache_->latest_write(); }
  commit_time required_asof(const consistency_token& token) const { return cache_->required_asof(token); }

  explanation explain(const key& key) const { return sync_wait(cache_->explain(key)); }
  cache_stats stats() const { return cache_->stats(); }
  void enable() const { cache_->enable(); }
  void disable() const { cache_->disable(); }
  bool enabled() const noexcept { return cache_->enabled(); }
  void resize(byte_size memory) const { cache_->resize(memory); }
  void maintain() const { cache_->maintain(); }
  void stop_filling() const noexcept { cache_->stop_filling(); }

 private:
  cache* cache_;
};

/// A `cached` function that blocks its callers. A wrong number or kind of arguments does not compile.
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

/// `over` for code that may block. Lifetime: `over` outlives the result.
inline blocking_cache blocking(cache& over) noexcept {
  return blocking_cache(over);
}

/// The result of `cached`, for code that may block: `blocking(cached(cache, agents, load))`.
template <class Entity, class F, class KeyBuilder>
auto blocking(cached_function<Entity, F, KeyBuilder> over) {
  return blocking_function<cached_function<Entity, F, KeyBuilder>>(std::move(over));
}

}  // namespace strata
