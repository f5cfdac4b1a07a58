#pragma once
/// Finds the requests whose deadline has passed: one coarse wheel for all requests of a connection, since a
/// timer for each would cost more than the request. Source: Varghese & Lauck 1987, one level.
/// Threads: one strand.

#include "redis/connection/request.hpp"

#include <array>
#include <cstdint>

namespace strata::redis {

class deadline_wheel {
 public:
  /// A request whose deadline is further away than the wheel is long goes round again.
  static constexpr unsigned tick_shift = 22;  // 2^22 ns: 4.2 ms
  static constexpr duration tick{std::int64_t{1} << tick_shift};

  explicit deadline_wheel(time_point now) noexcept : done_(tick_of(now)) {}
  deadline_wheel(const deadline_wheel&) = delete;
  deadline_wheel& operator=(const deadline_wheel&) = delete;

  bool empty() const noexcept { return size_ == 0; }
  /// Requires: not in a wheel.   Cost: O(1)
  void add(request& one) noexcept;
  /// No effect if it is in no wheel.   Cost: O(1)
  void remove(request& one) noexcept;

  /// Removes each request whose deadline is not after `now`, up to one tick late, and calls
  /// `expired(request&)` for it. Cost: O(slots passed + requests in them)
  template <class Expired>
  void advance(time_point now, Expired expired) {
    const std::int64_t until = tick_of(now) - 1;
    // One round sees every slot; more rounds would see the same again.
    if (until - done_ > static_cast<std::int64_t>(slots)) done_ = until - static_cast<std::int64_t>(slots);
    while (done_ < until) {
      request* each = slots_[slot(++done_)];
      while (each != nullptr) {
        request* const following = each->later;
        if (each->deadline <= now) {
          remove(*each);
          expired(*each);
        }
        each = following;
      }
    }
  }

 private:
  static constexpr std::size_t slots = 512;  // 2.1 s

  static std::int64_t tick_of(time_point at) noexcept { return at.time_since_epoch().count() >> tick_shift; }
  static std::size_t slot(std::int64_t number) noexcept { return static_cast<std::size_t>(number) % slots; }

  std::array<request*, slots> slots_{};
  std::size_t size_ = 0;
  std::int64_t done_;  ///< every tick up to this one is over
};

}  // namespace strata::redis
