#pragma once
/// How long a value lives, how stale it may be served, and what it carries.
/// Threads: a plain value.

#include <strata/time.hpp>

#include <string>
#include <vector>

namespace strata {

/// The rules for a kind of value. Each field stands alone; the defaults suit most values.
struct policy {
  /// How long a value is fresh. Bounded: more than 0, at most `max_ttl`.
  duration ttl = std::chrono::minutes(5);

  /// How long "not found" is remembered. 0: absence is not cached.
  duration negative_ttl = std::chrono::seconds(30);

  /// Each fill's ttl is shortened by a random share of up to this fraction, so that values
  /// filled together do not expire together. 0 to 0.5.
  double jitter = 0.10;

  /// A value whose encoding is larger is returned, but not stored, and counted.
  byte_size max_size{1u << 20};

  /// Tags that every value of this kind carries, besides those its factory adds.
  std::vector<std::string> tags = {};

  static constexpr duration max_ttl = std::chrono::hours(24 * 30);
};

/// Every problem of `rules` as a sentence; empty if there is none.
std::vector<std::string> problems(const policy& rules);

/// Returns `rules`, or throws bad_options naming every problem.
policy checked(policy rules);

}  // namespace strata
