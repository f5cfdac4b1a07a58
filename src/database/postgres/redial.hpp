#pragma once
/// When to dial again: at once while the server answers, with one attempt at a time and growing
/// pauses while it does not. So a server that comes back is not met by every connection at once.
/// Threads: one at a time. Time is passed in.

#include <strata/time.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace strata::detail {

class redial {
 public:
  static constexpr duration first_pause = std::chrono::milliseconds(20);
  static constexpr duration longest_pause = std::chrono::seconds(1);

  /// `seed`: makes the pauses of several processes differ.
  explicit redial(std::uint64_t seed = 1) : random_(seed | 1) {}

  bool may_dial(time_point now) const noexcept {
    return failures_ == 0 ? dialing_ < most_at_once : dialing_ == 0 && now >= next_;
  }
  void started() noexcept { ++dialing_; }
  void succeeded() noexcept {
    --dialing_;
    failures_ = 0;
  }
  void failed(time_point now) noexcept {
    --dialing_;
    const auto doubled = first_pause * (1 << std::min(failures_, 6u));
    ++failures_;
    // Half of the pause is random (xorshift).
    random_ ^= random_ << 13;
    random_ ^= random_ >> 7;
    random_ ^= random_ << 17;
    const auto pause = std::min<duration>(doubled, longest_pause);
    next_ = now + pause / 2 + pause / 2 * static_cast<std::int64_t>(random_ % 1024) / 1024;
  }

  /// True if the last attempt failed: who has no connection need not wait for one.
  bool is_down() const noexcept { return failures_ > 0; }

 private:
  static constexpr unsigned most_at_once = 4;

  unsigned dialing_ = 0;
  unsigned failures_ = 0;
  time_point next_{};
  std::uint64_t random_;
};

}  // namespace strata::detail
