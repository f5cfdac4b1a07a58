#pragma once
/// Decides when everything must be removed because a full outbox could not record changes.
///
/// A trigger that finds its part full increments a sequence. Every session sees that at once, whatever
/// becomes of the trigger's transaction; what the transaction changed becomes visible when it commits,
/// perhaps much later. So when the number has moved, everything is removed now, for the transactions that
/// have committed, and again as each transaction ends that may have incremented it. Those have ids below a
/// *fence*: the id of a transaction that began after we read the sequence. A snapshot alone cannot list them,
/// since it does not know those that are younger than the last one that ended. Threads: one at a time.

#include "database/snapshot.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>

namespace strata::relay_detail {

class overflow_watch {
 public:
  /// `settled`: the number up to which everything has been removed for.
  explicit overflow_watch(std::int64_t settled = 0) : counted_(settled), settled_(settled) {}

  /// Returns whether everything must be removed now.
  bool observe(std::int64_t counted, const detail::commit_snapshot& now) {
    const auto ended = ended_below(fence_, now);
    const bool moved = std::exchange(counted_, counted) != counted;
    const bool remove = moved || (fence_ != 0 && ended != ended_);
    ended_ = ended;
    if (now.xmin >= fence_) fence_ = 0;
    fence_due_ = fence_due_ || moved;
    if (fence_ == 0 && !fence_due_) settled_ = counted_;
    return remove;
  }

  /// The number has moved: call `set_fence` before the next `observe`.
  bool needs_fence() const noexcept { return fence_due_; }
  /// `first_innocent`: the id of a transaction that began after the sequence was read; `now`: the snapshot
  /// before that.
  void set_fence(std::uint64_t first_innocent, const detail::commit_snapshot& now) {
    fence_ = first_innocent;
    ended_ = ended_below(fence_, now);
    fence_due_ = false;
  }

  std::int64_t settled() const noexcept { return settled_; }

 private:
  /// How many transactions below `fence` had ended.
  static std::uint64_t ended_below(std::uint64_t fence, const detail::commit_snapshot& now) {
    const auto end = std::min(fence, now.xmax);
    const auto running = std::ranges::lower_bound(now.running, end) - now.running.begin();
    return end - static_cast<std::uint64_t>(running);
  }

  std::int64_t counted_;
  std::int64_t settled_;
  std::uint64_t fence_ = 0;  ///< 0: none
  std::uint64_t ended_ = 0;  ///< transactions below the fence
  bool fence_due_ = false;
};

}  // namespace strata::relay_detail
