#pragma once
/// A rate limit that several processes share. Most decisions are made in memory; docs/guide/rate_limits.md
/// has the steps.
///
///   auto store = strata::open_store("redis://127.0.0.1:6379").value();
///   strata::rate_limiter limits({.limit = 6'000}, {.shared = strata::rate_limits_of(store)});
///   const auto decision = co_await limits.take(user_id);
///
/// Each process admits up to `share` requests of a caller before it reports them to the store, in the
/// background. So among G processes a caller gets, in any stretch of time, at most
///
///   burst + limit · time / window + (G − 1) · share + limit · (report_after + one round trip) / window
///
/// and a caller that stays within its rule is never refused. A share of 0 asks the store for every decision.
/// While the store is away, each process applies the rule alone.
/// Threads: internally locked, in shards.

#include <strata/limiter.hpp>
#include <strata/rate_limit_store.hpp>
#include <strata/task.hpp>
#include <strata/time.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace strata {

struct rate_limiter_options {
  /// Separates rules: limiters with the same name and store share their callers' allowances.
  std::string name = "default";
  /// Null: this process alone.
  std::shared_ptr<rate_limit_store> shared;
  /// Requests of one caller that this process may admit before it reports them. Unset: 1 % of the burst.
  std::optional<std::uint64_t> share;
  /// A request reports those that were admitted so long ago. 0: 1 % of the window.
  duration report_after{};
  /// How long the process decides alone after the store has failed.
  duration retry_after = std::chrono::seconds(1);
  std::size_t max_callers = 65'536;  ///< as limiter_options::max_callers
  const clock* time = &system_clock();
};

/// Counters since the start.
struct rate_limiter_stats {
  std::uint64_t allowed = 0;
  std::uint64_t refused = 0;
  std::uint64_t waited = 0;    ///< decisions that waited for the store
  std::uint64_t reports = 0;   ///< sent in the background
  std::uint64_t failures = 0;  ///< calls of the store that failed
  bool alone = false;          ///< has a store, and decides without it now
};

class rate_limiter {
 public:
  /// Throws bad_options that names every problem.
  explicit rate_limiter(rate_limit rule, rate_limiter_options options = {});
  ~rate_limiter();
  rate_limiter(rate_limiter&&) noexcept;
  rate_limiter& operator=(rate_limiter&&) noexcept;

  /// Decides on `cost` requests of `caller`, and counts them if allowed.
  /// Never fails: without the store this process decides alone.
  /// Threads: any.   Cancel: the request may have been counted
  /// Lifetime: `caller` copied; this object outlives the call
  /// Cost:     O(1), no allocation, a ready task; one round trip when the share is used up
  task<rate_decision> take(std::string_view caller, std::uint64_t cost = 1);

  /// The same without ever waiting: a request that the share does not cover is admitted by what this process
  /// knows. For what is counted after the fact, such as refused requests.
  rate_decision take_now(std::string_view caller, std::uint64_t cost = 1);

  /// What `take` would decide on one request, by what this process knows. Counts nothing.
  rate_decision peek(std::string_view caller) const;

  const rate_limit& rule() const noexcept;
  rate_limiter_stats stats() const;

 private:
  struct state;
  std::shared_ptr<state> state_;
  std::shared_ptr<rate_limit_store> store_;  // ends first: its last calls end with it
};

}  // namespace strata
