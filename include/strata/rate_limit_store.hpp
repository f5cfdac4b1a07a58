#pragma once
/// The port of rate limits that several processes share: one number a bucket, changed in one step.
/// Redis and the memory store implement it beside `store`; `tests/contract/store_contract.hpp` tests both.
/// Threads: every member may be called from any thread; a task resumes on its caller's executor.

#include <strata/error.hpp>
#include <strata/store.hpp>
#include <strata/task.hpp>
#include <strata/time.hpp>

#include <cstdint>
#include <memory>
#include <string_view>

namespace strata {

/// What one call charges to a bucket, under GCRA (limiter.hpp).
struct rate_charge {
  std::string_view bucket;  ///< names the caller and the rule; the store holds it in clear
  duration window{};
  std::uint64_t limit = 0;   ///< requests a window
  std::uint64_t burst = 0;   ///< requests at once
  std::uint64_t taken = 0;   ///< requests that were admitted before: charged in any case
  duration age{};            ///< how long ago the first of `taken` was admitted
  std::uint64_t wanted = 0;  ///< requests that are charged only if all of them fit
};

/// A bucket after a charge.
struct rate_standing {
  bool allowed = true;  ///< whether `wanted` was charged
  duration ahead{};     ///< until the whole burst is available again
};

class rate_limit_store {
 public:
  virtual ~rate_limit_store() = default;

  /// Charges `what` by the store's own clock. A bucket that was never charged is full.
  /// Requires: limit > 0, burst > 0, window > 0.
  /// Errors: timeout, store_unavailable; they leave open whether the charge took effect.
  /// Lifetime: `what.bucket` outlives the call.   Cost: one round trip
  virtual task<result<rate_standing>> charge(rate_charge what) = 0;
};

/// The rate limits of `of`, or null if that store keeps none.
std::shared_ptr<rate_limit_store> rate_limits_of(const std::shared_ptr<store>& of);

}  // namespace strata
