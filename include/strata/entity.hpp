#pragma once
/// An entity: a typed key pattern with its policy.
/// Threads: immutable values.

#include <strata/cache_type.hpp>
#include <strata/codec.hpp>
#include <strata/key.hpp>
#include <strata/policy.hpp>
#include <strata/time.hpp>

#include <memory>
#include <utility>

namespace strata {

/// How one read differs from others of its key.
struct read_how {
  commit_time at_least = 0;  ///< what is older is a miss, fresh or stale: miss_reason::behind
  bool bypass = false;       ///< ask the source, whatever is cached, and leave what is cached as it is
};

/// A key of a known type with the rules that hold for it: what the cache's operations take.
template <class T>
struct typed_key {
  strata::key key;
  std::shared_ptr<const policy> rules;
  cache_type type;
  read_how how = {};

  /// The same key under other rules, for one call. Throws bad_options if they are not sound.
  typed_key with(policy other) const {
    return {key, std::make_shared<const policy>(checked(std::move(other))), type, how};
  }

  /// The same key, read in another way.
  typed_key reading(read_how other) const& { return {key, rules, type, other}; }
  typed_key reading(read_how other) && { return {std::move(key), std::move(rules), type, other}; }

  /// For a read that must not get what is older than `asof`: `cache::required_asof` tells what a session
  /// needs.
  typed_key at_least(commit_time asof) const { return reading({asof, how.bypass}); }
  /// For a read that asks the source.
  typed_key bypassing() const { return reading({how.at_least, true}); }
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
