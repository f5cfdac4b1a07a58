#pragma once
/// Whether a connection still leads somewhere. A half-open one looks like a silent one, so silence is
/// broken by a PING, and silence after a question is death.
/// Threads: one strand. Reads no clock.

#include <strata/time.hpp>

#include <algorithm>
#include <optional>

namespace strata::redis {

class liveness {
 public:
  /// `silence`: how long a question may go without any byte coming back. `ping_after`: how long
  /// nothing needs to be asked. Together they bound how long a dead connection is taken for alive.
  liveness(duration silence, duration ping_after) noexcept : silence_(silence), ping_after_(ping_after) {}

  /// Something came, or something left that the peer had to make room for.
  void heard(time_point now) noexcept { last_ = now; }

  enum class verdict { alive, ask, dead };
  /// `asked`: when the oldest unanswered question was sent, if there is one.
  verdict judge(time_point now, std::optional<time_point> asked) const noexcept {
    if (now < due(asked)) return verdict::alive;
    return asked ? verdict::dead : verdict::ask;
  }

  /// When to judge again if nothing happens until then.
  time_point due(std::optional<time_point> asked) const noexcept {
    return asked ? std::max(last_, *asked) + silence_ : last_ + ping_after_;
  }

 private:
  duration silence_;
  duration ping_after_;
  time_point last_{};
};

}  // namespace strata::redis
