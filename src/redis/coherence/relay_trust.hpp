#pragma once
/// How long a process may trust what it holds when a relay tells the store what the source's writers
/// change: what the marks say that heartbeats see.
/// Threads: one at a time.
///
/// Whoever writes a mark m has seen the one before it, b; then it asked the source what had been
/// committed, told all of it to the store, and wrote m only if the mark still was b
/// (`store::advance_watermark`). So of a heartbeat that sees m, and an earlier one, sent at h, that saw a
/// mark below b:
///
///   h < b was written < who wrote m asked the source < all was told to the store < m was written
///
/// Hence all that was committed before h has been told to the store before the heartbeat that saw m was
/// answered. Who told it, and how long he was paused on the way, does not matter. What the store pushes to
/// us on account of it may still be under way then; with the answer of the next heartbeat it has come
/// (coherence_session.hpp). From then on all is told that was committed before h.

#include <strata/time.hpp>

#include <algorithm>
#include <cstdint>
#include <deque>
#include <utility>

namespace strata::redis {

class relay_trust {
 public:
  /// A heartbeat that was sent at `sent` is answered: it saw `mark`, whose writer had seen `before`.
  /// Returns the moment before which all that was committed has been told; time_point::min(): none.
  time_point beaten(time_point sent, std::uint64_t mark, std::uint64_t before) {
    if (!seen_.empty() && mark < seen_.back().mark) restart();
    told_ = std::max(told_, std::exchange(under_way_, time_point::min()));
    while (seen_.size() > 1 && seen_[1].mark < before) seen_.pop_front();
    if (!seen_.empty() && seen_.front().mark < before) under_way_ = seen_.front().sent;
    if (!seen_.empty() && seen_.back().mark == mark) {
      seen_.back().sent = sent;
    } else {
      seen_.push_back({mark, sent});
    }
    return told_;
  }

  /// What was seen counts no more: there is another connection, or the store may have forgotten.
  void restart() {
    seen_.clear();
    under_way_ = told_ = time_point::min();
  }

 private:
  struct sight {
    std::uint64_t mark = 0;
    time_point sent{};  ///< of the last heartbeat that saw it
  };
  std::deque<sight> seen_;  ///< marks rise
  time_point under_way_ = time_point::min();
  time_point told_ = time_point::min();
};

}  // namespace strata::redis
