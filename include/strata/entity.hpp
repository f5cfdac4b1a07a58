#pragma once
/// An entity: a typed key pattern with its policy.
/// Threads: immutable values.

#include <strata/codec.hpp>
#include <strata/key.hpp>
#include <strata/policy.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace strata {

/// What metrics group keys by: the first segment of an entity's pattern, from a closed list that
/// holds the entities of this process. Copies are one byte.
class cache_type {
 public:
  static constexpr std::size_t limit = 64;

  cache_type() = default;  ///< "other": a key of no entity
  /// The type called `name`; "other" once `limit` names are taken. Cost: a lock; not for hot paths.
  static cache_type named(std::string_view name);
  /// The type called `name` if an entity has it, else "other".
  static cache_type find(std::string_view name) noexcept;
  /// All names, by index; index 0 is "other".
  static std::vector<std::string> names();

  std::size_t index() const noexcept { return index_; }

 private:
  explicit cache_type(std::uint8_t index) : index_(index) {}
  std::uint8_t index_ = 0;
};

/// Returns `rules`, or throws bad_options naming every problem.
policy checked(policy rules);

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
