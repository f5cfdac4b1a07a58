#pragma once
/// How often a process sends heartbeats. While nothing changes, it sends half as many: its trust is then
/// renewed later, but still before it ends. The first change, or a heartbeat that comes late, brings back the
/// full rate. Threads: one at a time.

#include <strata/time.hpp>

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

namespace strata::redis {

class heartbeat_pace {
 public:
  struct setup {
    duration heartbeat = std::chrono::milliseconds(25);
    duration trust_for = std::chrono::milliseconds(250);
    std::optional<duration> bound = {};  ///< with a relay
  };

  /// A slow heartbeat must leave time for the arithmetic of relay_trust.hpp: with a relay that is as slow,
  /// the source watermark is up to five heartbeats old.
  explicit heartbeat_pace(const setup& with)
      : heartbeat_(with.heartbeat),
        slow_(std::max(with.heartbeat, std::min({2 * with.heartbeat, with.trust_for / 5,
                                                 with.bound.value_or(duration::max()) / 7}))) {}

  /// Something has changed. Returns whether the pace was slow: then a heartbeat is due at once.
  bool changed(time_point at) {
    changed_ = at;
    return std::exchange(is_slow_, false);
  }

  /// The time from `at` until the next heartbeat. `trusted_until`: how long the process trusts its copies
  /// now.
  duration next(time_point at, time_point trusted_until) {
    if (trusted_until < at + slow_) changed_ = at;  // it is late, or there is no trust to keep
    is_slow_ = at - changed_ >= quiet_after;
    return is_slow_ ? slow_ : heartbeat_;
  }

  static constexpr duration quiet_after = std::chrono::seconds(1);

 private:
  duration heartbeat_;
  duration slow_;
  time_point changed_{};
  bool is_slow_ = false;
};

}  // namespace strata::redis
