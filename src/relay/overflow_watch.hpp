#pragma once
/// Whom a full outbox could not write down, and when everything has to be removed for that.
///
/// A trigger that finds its part full counts, by a sequence, which is seen at once and by everybody,
/// whatever becomes of its transaction. What the transaction changes is seen when it commits, which may be
/// much later. So when the number has moved, everything is removed now, for those that have committed,
/// and again as each of those ends that may have counted. They have numbers below a *fence*, which is
/// the number of a transaction that began after the sequence was read. A snapshot does not name them: it
/// knows nothing of those that are younger than the last one that ended.
/// Threads: one at a time.

#include "database/snapshot.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>

namespace strata::relaying {

class overflow_watch {
 public:
  /// `settled`: the number up to which all is made up for.
  explicit overflow_watch(std::int64_t settled = 0) : counted_(settled), settled_(settled) {}

  /// Whether everything is to be removed now.
  bool look(std::int64_t counted, const detail::commit_snapshot& now) {
    const auto ended = ended_below(fence_, now);
    const bool moved = std::exchange(counted_, counted) != counted;
    const bool remove = moved || (fence_ != 0 && ended != ended_);
    ended_ = ended;
    if (now.xmin >= fence_) fence_ = 0;
    fence_due_ = fence_due_ || moved;
    if (fence_ == 0 && !fence_due_) settled_ = counted_;
    return remove;
  }

  /// The number has moved, and `fence` is to be called before the next look.
  bool wants_fence() const noexcept { return fence_due_; }
  /// `first_innocent`: the number of a transaction that began after the sequence was read; `now`: the
  /// snapshot before that.
  void fence(std::uint64_t first_innocent, const detail::commit_snapshot& now) {
    fence_ = first_innocent;
    ended_ = ended_below(fence_, now);
    fence_due_ = false;
  }

  std::int64_t settled() const noexcept { return settled_; }

 private:
  /// How many of those below `fence` were over.
  static std::uint64_t ended_below(std::uint64_t fence, const detail::commit_snapshot& now) {
    const auto end = std::min(fence, now.xmax);
    const auto running = std::ranges::lower_bound(now.running, end) - now.running.begin();
    return end - static_cast<std::uint64_t>(running);
  }

  std::int64_t counted_;
  std::int64_t settled_;
  std::uint64_t fence_ = 0;  ///< 0: nobody is watched
  std::uint64_t ended_ = 0;  ///< of those below the fence
  bool fence_due_ = false;
};

}  // namespace strata::relaying
