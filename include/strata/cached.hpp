#pragma once
/// `cached`: a function with a cache in front of it.
/// Threads: those on which the function may be called; the decorator itself is immutable.
///
///   auto find = strata::cached(cache, agents, [&](std::string_view id) { return load(id); });
///   auto agent = co_await find("agt_1");
///   co_await find.invalidate("agt_1");

#include <strata/cache.hpp>

#include <tuple>
#include <type_traits>
#include <utility>

namespace strata {

namespace detail {

/// How an argument is stored for a call that outlives the caller's: text by value.
template <class A>
using kept =
    std::conditional_t<std::convertible_to<const A&, std::string_view>, std::string, std::remove_cvref_t<A>>;

template <class Entity, class KeyBuilder, class... Arguments>
concept keyed_by =
    (std::is_same_v<KeyBuilder, std::nullptr_t> && std::invocable<const Entity&, const Arguments&...>) ||
    std::invocable<const KeyBuilder&, const Entity&, const Arguments&...>;

}  // namespace detail

/// The result of `cached`: the function with its cache. A wrong number or kind of arguments does not compile.
/// Lifetime: the cache outlives it; the entity is copied.
template <class Entity, class F, class KeyBuilder>
class cached_function {
 public:
  using value_type = typename Entity::value_type;

  cached_function(cache& cache, Entity entity, F function, KeyBuilder builder)
      : cache_(&cache),
        entity_(std::move(entity)),
        function_(std::move(function)),
        builder_(std::move(builder)) {}

  /// The value for `arguments`: the cached one, or what the function returns now.
  /// As `cache::get_or_set`. Cost: hit O(1), no coroutine frame.
  template <class... Arguments>
    requires detail::keyed_by<Entity, KeyBuilder, Arguments...>
  task<lookup<value_type>> operator()(const Arguments&... arguments) const {
    return cache_->get_or_set(key_for(arguments...), call_later(arguments...));
  }

  /// Removes the value for `arguments`.
  template <class... Arguments>
    requires detail::keyed_by<Entity, KeyBuilder, Arguments...>
  task<invalidation_result> invalidate(const Arguments&... arguments) const {
    return cache_->remove(key_for(arguments...).key);
  }

  /// Calls the function now and replaces the cached value, which is served until then. As `cache::refresh`.
  template <class... Arguments>
    requires detail::keyed_by<Entity, KeyBuilder, Arguments...>
  task<lookup<value_type>> refresh(const Arguments&... arguments) const {
    return cache_->refresh(key_for(arguments...), call_later(arguments...));
  }

  /// The key of the value for `arguments`.
  template <class... Arguments>
  typed_key<value_type> key_for(const Arguments&... arguments) const {
    if constexpr (std::is_same_v<KeyBuilder, std::nullptr_t>) {
      return entity_(arguments...);
    } else {
      return builder_(entity_, arguments...);
    }
  }

 private:
  template <class... Arguments>
  auto call_later(const Arguments&... arguments) const {
    return [function = function_,
            kept = std::tuple<detail::kept<Arguments>...>(arguments...)](fill_context& context) mutable {
      return std::apply(
          [&](const auto&... each) {
            if constexpr (std::invocable<F&, fill_context&, decltype(each)...>) {
              return function(context, each...);
            } else {
              return function(each...);
            }
          },
          kept);
    };
  }

  cache* cache_;
  Entity entity_;
  F function_;
  KeyBuilder builder_;
};

/// Puts `cache` in front of `function`. Keys are built by the entity's pattern from the
/// arguments, or by `builder(entity, arguments…)`, which returns `entity(…)`.
/// `function` may take a `fill_context&` first, and returns what a factory may return.
template <class T, fixed_string P, class F, class KeyBuilder = std::nullptr_t>
auto cached(cache& cache, const entity<T, P>& entity, F function, KeyBuilder builder = {}) {
  return cached_function<strata::entity<T, P>, F, KeyBuilder>(cache, entity, std::move(function),
                                                              std::move(builder));
}

}  // namespace strata
