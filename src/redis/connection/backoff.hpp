#pragma once
/// How long to wait before the next attempt: exponential with full jitter, so that clients that
/// lost the same server do not reconnect together. Source: M. Brooker, Exponential Backoff And Jitter.
/// Threads: one strand.

#include <strata/time.hpp>

#include <algorithm>
#include <cstdint>

namespace strata::redis {

class backoff {
 public:
  backoff(duration first, duration last) noexcept : first_(first), last_(last), bound_(first) {}

  /// The next wait: below a bound that doubles each time. `random` is uniformly distributed.
  duration next(std::uint64_t random) noexcept {
    const auto bound = std::max<std::int64_t>(1, bound_.count());
    bound_ = bound_ >= last_ / 2 ? last_ : bound_ * 2;
    return duration(static_cast<std::int64_t>(random % static_cast<std::uint64_t>(bound)));
  }

  /// An attempt succeeded: the bound starts again at `first`.
  void succeeded() noexcept { bound_ = first_; }

 private:
  duration first_;
  duration last_;
  duration bound_;
};

}  // namespace strata::redis
