#pragma once
/// An entity: a typed key pattern with its policy.
/// Threads: immutable values.

#include <strata/cache_type.hpp>
#include <strata/codec.hpp>
#include <strata/key.hpp>
#include <strata/policy.hpp>

#include <memory>
#include <utility>

namespace strata {

/// A key of a known type with the rules that hold for it: what the cache's operations take.
template <class T>
struct typed_key {
  strata::key key;
  std::shared_ptr<const policy> rules;
  cache_type type;

  /// The same key under other rules, for one call. Throws bad_options if they are not sound.
  typed_key with(policy other) const {
    return {key, std::make_shared<const policy>(checked(std::move(other))), type};
  }
};

/// `entity<agent, "agent:{id}"> agents{{.ttl = 30min}};` then `agents("agt_1")` is its key.
/// Throws bad_options if the policy is not sound.
template <class T, fixed_string Pattern>
class entity {
 public:
  using value_type = T;
  using pattern = key_pattern<Pattern>;

  entity() : entity(policy{}) {}
  explicit(false) entity(policy rules)
      : rules_(std::make_shared<const policy>(checked(std::move(rules)))),
        type_(cache_type::named(pattern::text.substr(0, pattern::text.find(':')))) {}

  /// The key for these arguments. A wrong number of them does not compile.
  template <key_argument... Arguments>
    requires(sizeof...(Arguments) == pattern::arity)
  typed_key<T> operator()(const Arguments&... arguments) const {
    return {pattern::build(arguments...), rules_, type_};
  }

  const policy& rules() const noexcept { return *rules_; }

 private:
  std::shared_ptr<const policy> rules_;
  cache_type type_;
};

}  // namespace strata
