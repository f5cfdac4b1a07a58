#pragma once
/// Whether a connection still works. A half-open connection looks like a silent one. So we break silence with
/// a PING, and silence after a question means that the connection is dead.
/// Threads: one strand. Reads no clock.

#include <strata/time.hpp>

#include <algorithm>
#include <optional>

namespace strata::redis {

class liveness {
 public:
  /// `silence`: how long no byte may arrive after a question. `ping_after`: how long no question is needed.
  /// Their sum bounds how long a dead connection counts as alive.
  liveness(duration silence, duration ping_after) noexcept : silence_(silence), ping_after_(ping_after) {}

  /// Bytes arrived, or the peer made room for ours.
  void bytes_moved(time_point now) noexcept { last_ = now; }

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
