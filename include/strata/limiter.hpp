#pragma once
/// Rate limits: GCRA (the generic cell rate algorithm, ITU-T I.371) as a pure function, and a
/// bounded table of it in this process's memory.
/// Threads: `gcra` is pure; `limiter` is internally locked.

#include <strata/time.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

namespace strata {

/// `limit` requests per `window`, evenly refilled, of which `burst` may come at once.
struct rate_limit {
  std::uint64_t limit = 100;
  duration window = std::chrono::minutes(1);
  std::uint64_t burst = 0;  ///< 0: as `limit`
};

/// The answer to one request, with the numbers of the RateLimit header fields.
struct rate_decision {
  bool allowed = true;
  std::uint64_t limit = 0;      ///< how many may come at once
  std::uint64_t remaining = 0;  ///< how many may still come now
  duration reset_after{};       ///< until `limit` may come at once again
  duration retry_after{};       ///< until this request would be allowed; 0 if it was
};

/// Decides on `cost` requests at `now`. `arrival` is the whole state of a caller: the time at which its
/// allowance is full again. A time that is not after `now` means a caller that was never seen. It moves
/// only if the request is allowed. A `cost` above the burst is never allowed.
/// Requires: limit > 0, window > 0.
rate_decision gcra(const rate_limit& rule, time_point& arrival, time_point now, std::uint64_t cost = 1);

/// Options of a limiter.
struct limiter_options {
  /// Callers remembered at once. When more are active, the caller with the most allowance left is
  /// forgotten. So a client cannot escape its limit by inventing callers.
  std::size_t max_callers = 65'536;
};

/// One rule for many callers.
/// Threads: internally locked, in shards.
class limiter {
 public:
  /// Throws bad_options that names every problem.
  explicit limiter(rate_limit rule, limiter_options options = {});
  ~limiter();
  limiter(limiter&&) noexcept;
  limiter& operator=(limiter&&) noexcept;

  /// Decides on `cost` requests of `caller` at `now`, and counts them if allowed.
  /// Cost: O(1), no allocation; memory is fixed at construction (16 bytes a caller).
  rate_decision take(std::string_view caller, time_point now, std::uint64_t cost = 1);

  const rate_limit& rule() const noexcept;

 private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace strata
