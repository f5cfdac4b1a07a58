#pragma once
/// An entity: a typed key pattern with its policy.
/// Threads: immutable values.

#include <strata/cache_type.hpp>
#include <strata/codec.hpp>
#include <strata/key.hpp>
#include <strata/policy.hpp>
#include <strata/time.hpp>

#include <memory>
#include <stop_token>
#include <utility>

namespace strata {

/// How one operation differs from others on its key.
struct read_options {
  commit_time at_least = 0;   ///< anything older is a miss, fresh or stale: miss_reason::behind
  bool bypass = false;        ///< ask the source, whatever is cached, and leave what is cached as it is
  bool without_l1 = false;    ///< neither take the value from L1 nor store it there
  bool without_l2 = false;    ///< the same for L2
  std::stop_token stop = {};  ///< a requested stop ends this caller's wait: errc::cancelled
};

/// A key of a known type with its policy: the target of the cache's operations.
template <class T>
struct typed_key {
  strata::key key;
  std::shared_ptr<const strata::policy> policy;
  cache_type type;
  read_options options = {};

  /// The same key under another policy, for one call. Throws bad_options if the policy is not sound.
  typed_key with(strata::policy other) const {
    return {key, std::make_shared<const strata::policy>(checked(std::move(other))), type, options};
  }

  /// The same key, read in another way.
  typed_key reading(read_options other) const& { return {key, policy, type, std::move(other)}; }
  typed_key reading(read_options other) && {
    return {std::move(key), std::move(policy), type, std::move(other)};
  }

  /// For a read that must not return a value older than `asof`: `cache::required_asof` says what a session
  /// needs.
  typed_key at_least(commit_time asof) const {
    auto other = options;
    other.at_least = asof;
    return reading(std::move(other));
  }
  /// For a read that asks the source. `set` stores nothing under it, and returns false.
  typed_key bypassing() const {
    auto other = options;
    other.bypass = true;
    return reading(std::move(other));
  }
  /// For a read or write of L2 and the source only. An older value in L1 goes when a newer one is stored.
  /// Without L2 this is `bypassing`.
  typed_key without_l1() const {
    auto other = options;
    other.without_l1 = true;
    return reading(std::move(other));
  }
  /// For a read or write of this process's memory and the source only. L2 is still asked for the right to
  /// fill the key, because it reports changes; an older value there goes when a newer one is stored.
  typed_key without_l2() const {
    auto other = options;
    other.without_l2 = true;
    return reading(std::move(other));
  }
  /// For a read whose caller stops waiting when a stop of `token` is requested. A hit is returned all the
  /// same.
  typed_key stopping(std::stop_token token) const {
    auto other = options;
    other.stop = std::move(token);
    return reading(std::move(other));
  }
};

/// `entity<agent, "agent:{id}"> agents{{.ttl = 30min}};` then `agents("agt_1")` is its key.
/// Throws bad_options if the policy is not sound.
template <class T, fixed_string Pattern>
class entity {
 public:
  using value_type = T;
  using pattern = key_pattern<Pattern>;

  entity() : entity(strata::policy{}) {}
  explicit(false) entity(strata::policy policy)
      : policy_(std::make_shared<const strata::policy>(checked(std::move(policy)))),
        type_(cache_type::named(pattern::text.substr(0, pattern::text.find(':')))) {}

  /// The key for these arguments. A wrong number of them does not compile.
  template <key_argument... Arguments>
    requires(sizeof...(Arguments) == pattern::arity)
  typed_key<T> operator()(const Arguments&... arguments) const {
    return {pattern::build(arguments...), policy_, type_};
  }

  const strata::policy& policy() const noexcept { return *policy_; }

 private:
  std::shared_ptr<const strata::policy> policy_;
  cache_type type_;
};

}  // namespace strata
