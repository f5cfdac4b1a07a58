#pragma once
/// A circuit breaker: decides when a failing service may be called again.
/// Threads: one at a time; its owner locks.
///
///   closed     every call goes through; `failures` in a row open it
///   open       no call goes through, for `rest`
///   half-open  one call at a time is let through to try: a success closes, a failure opens again
///
/// Each pass carries the period in which it was given. The outcome of a call from an earlier period is
/// ignored: a call that hung since before the breaker opened says nothing about now.

#include <strata/time.hpp>

#include <cstdint>
#include <optional>

namespace strata::detail {

class breaker {
 public:
  enum class state : std::uint8_t { closed, open, half_open };

  /// `failures` 0: never opens.
  breaker(unsigned failures, duration rest) : failures_(failures), rest_(rest) {}

  /// The right to make one call. Report its outcome by `succeeded` or `failed`; a trial without an outcome
  /// is followed by another after `rest`.
  struct pass {
    std::uint64_t period = 0;
  };
  std::optional<pass> enter(time_point now) {
    if (state_ == state::closed) return pass{period_};
    if (now < again_) return std::nullopt;
    become(state::half_open);
    again_ = now + rest_;
    return pass{period_};
  }

  void succeeded(pass which) {
    if (which.period != period_) return;
    in_a_row_ = 0;
    if (state_ != state::closed) become(state::closed);
  }

  void failed(pass which, time_point now) {
    if (which.period != period_ || failures_ == 0) return;
    if (state_ == state::closed && ++in_a_row_ < failures_) return;
    become(state::open);
    ++times_opened_;
    opened_ = now;
    again_ = now + rest_;
  }

  /// The service has shown a sign of life: it may be tried at once.
  void hint(time_point now) {
    if (state_ == state::open) again_ = now;
  }

  /// The service answers other questions: it may be tried after a tenth of the rest. Returns whether that
  /// brings the next call forward.
  bool answers(time_point now) {
    if (state_ != state::open || now >= again_ || now < opened_ + rest_ / 10) return false;
    again_ = now;
    return true;
  }

  state current() const noexcept { return state_; }
  std::uint64_t times_opened() const noexcept { return times_opened_; }
  /// When the next call may be let through. Requires: not closed.
  time_point again() const noexcept { return again_; }

 private:
  void become(state next) {
    state_ = next;
    ++period_;
    in_a_row_ = 0;
  }

  const unsigned failures_;
  const duration rest_;
  state state_ = state::closed;
  std::uint64_t period_ = 0;
  unsigned in_a_row_ = 0;
  std::uint64_t times_opened_ = 0;
  time_point opened_{};
  time_point again_{};
};

}  // namespace strata::detail
