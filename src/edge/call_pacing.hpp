#pragma once
/// When the next call to an edge may begin: a token bucket, and pauses after failures.
/// Threads: one.

#include <strata/time.hpp>

#include <algorithm>
#include <chrono>

namespace strata::edge_detail {

class call_pacing {
 public:
  /// Requires: both above 0.
  call_pacing(double rate, double burst) : rate_(rate), burst_(std::max(burst, 1.0)), tokens_(burst_) {}

  /// Takes a token. Returns false if there is none, or a pause has not ended.
  bool take(time_point now) {
    refill(now);
    if (now < paused_until_ || tokens_ < 1) return false;
    tokens_ -= 1;
    return true;
  }

  /// The token was not needed.
  void put_back() { tokens_ += 1; }

  void succeeded() { pause_ = {}; }
  /// Doubles the pause, up to 5 s; at least `asked`, of which a minute counts.
  void failed(time_point now, duration asked) {
    using namespace std::chrono_literals;
    pause_ = std::clamp<duration>(2 * pause_, 100ms, 5s);
    paused_until_ = now + std::max<duration>(pause_, std::min<duration>(asked, 60s));
  }

 private:
  void refill(time_point now) {
    if (last_ < now) {
      tokens_ = std::min(burst_, tokens_ + rate_ * std::chrono::duration<double>(now - last_).count());
      last_ = now;
    }
  }

  const double rate_;
  const double burst_;
  double tokens_;
  time_point last_{};
  time_point paused_until_{};
  duration pause_{};
};

}  // namespace strata::edge_detail
