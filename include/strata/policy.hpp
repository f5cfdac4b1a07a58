#pragma once
/// Policies: how long a value lives, how stale it may be served, and its tags.
/// Threads: a plain value.

#include <strata/time.hpp>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

namespace strata {

class dictionary;

/// The policy for one kind of value. Fields are independent; the defaults suit most values.
struct policy {
  /// How long a value is fresh. Bounded: more than 0, at most `max_ttl`.
  duration ttl = std::chrono::minutes(5);

  /// How long L1 keeps a value before it asks L2 again. 0: as long as the value may be used.
  duration l1_ttl{};

  /// Sliding expiry: a value is fresh for so long after it was last read in the process that computed it, and
  /// at most for `ttl` after it was computed. Less than `ttl`; 0: off.
  duration sliding{};

  /// How long "not found" is remembered. 0: absence is not cached.
  duration negative_ttl = std::chrono::seconds(30);

  /// Each fill's ttl is shortened by a random share of up to this fraction, so that values
  /// filled together do not expire together. 0 to 0.5.
  double jitter = 0.10;

  /// A value whose encoding is larger is returned, but not stored, and counted.
  byte_size max_size{1u << 20};

  /// Fail-safe: when the factory fails or is too slow, serve the last value, marked stale, for up
  /// to `grace` after its ttl; and ask the factory again only after `throttle`.
  bool fail_safe = false;
  duration grace = std::chrono::hours(24);
  duration throttle = std::chrono::seconds(30);

  /// How long a failure is remembered where no value can stand in for it: reads of the key get the same
  /// failure at once, and the source is left alone. At most `max_failure_ttl`; 0: off.
  duration failure_ttl{};

  /// How long after its ttl a value is still served at once, marked stale, while it is refreshed in
  /// the background. 0: off.
  duration stale_while_revalidate{};

  /// The share of the ttl after which a hit refreshes the value in the background, so that a value in
  /// use never expires: 0.9 is nine tenths. 0: off.
  double eager_refresh = 0;

  /// Probabilistic early refresh (XFetch: Vattani, Chierichetti, Lowenstein, VLDB 2015): the
  /// slower the factory, the earlier. 1 is the paper's choice; 0: off.
  double xfetch_beta = 0;

  /// How long a caller waits for the factory when there is a stale value to serve instead; the
  /// factory goes on in the background. Needs fail_safe. 0: no limit.
  duration soft_timeout{};

  /// How long a caller waits for the factory in any case. The factory goes on in the background, and
  /// its value is still stored. 0: no limit.
  duration hard_timeout{};

  /// Tags that every value of this kind carries, besides those its factory adds.
  std::vector<std::string> tags = {};

  /// Keeps the second level from reading or changing these values: they are encrypted with
  /// `cache_options.encryption`. Without keys they stay in this process's memory.
  bool sensitive = false;

  /// Dictionaries that compress these values (strata/compression.hpp). The first writes, all read. Not
  /// used for sensitive values.
  std::vector<std::shared_ptr<const dictionary>> dictionaries = {};

  /// How long after its ttl a value may be served stale, for any reason.
  duration stale_window() const noexcept {
    return std::max(fail_safe ? grace : duration::zero(), stale_while_revalidate);
  }
  bool has_timeouts() const noexcept {
    return soft_timeout > duration::zero() || hard_timeout > duration::zero();
  }

  static constexpr duration max_ttl = std::chrono::hours(24 * 30);
  static constexpr duration max_failure_ttl = std::chrono::minutes(5);
};

/// Every problem of `of` as a sentence; empty if there is none.
std::vector<std::string> problems(const policy& of);

/// Returns `given`, or throws bad_options that names every problem.
policy checked(policy given);

}  // namespace strata
