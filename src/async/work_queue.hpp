#pragma once
/// Work that threads take in the order in which it was posted. The threads belong to the queue's owner.
/// Threads: internally locked.

#include "core/mutex.hpp"

#include <cstddef>
#include <deque>
#include <limits>
#include <optional>
#include <utility>

namespace strata::detail {

template <class Work>
class work_queue {
 public:
  enum class posted { yes, full, closed };

  /// Adds `work`, unless `limit` others wait already.
  posted post(Work work, std::size_t limit = std::numeric_limits<std::size_t>::max()) {
    scoped_lock lock(mutex_);
    if (closed_) return posted::closed;
    if (waiting_.size() >= limit) return posted::full;
    waiting_.push_back(std::move(work));
    wake_.notify_one();
    return posted::yes;
  }

  /// Waits for work. Returns nothing once the queue is closed and empty: the thread may end.
  std::optional<Work> take() {
    scoped_lock lock(mutex_);
    ++idle_;
    while (waiting_.empty() && !closed_) lock.wait(wake_);
    --idle_;
    if (waiting_.empty()) return std::nullopt;
    std::optional<Work> next(std::move(waiting_.front()));
    waiting_.pop_front();
    return next;
  }

  /// Refuses new work; `take` still returns what waits. Idempotent.
  void close() {
    scoped_lock lock(mutex_);
    closed_ = true;
    wake_.notify_all();
  }

  /// Removes what waits.
  std::deque<Work> clear() {
    scoped_lock lock(mutex_);
    return std::exchange(waiting_, {});
  }

  /// How many threads wait in `take`.
  std::size_t idle() const {
    scoped_lock lock(mutex_);
    return idle_;
  }

 private:
  mutable mutex mutex_;
  std::condition_variable wake_;
  std::deque<Work> waiting_ STRATA_GUARDED_BY(mutex_);
  std::size_t idle_ STRATA_GUARDED_BY(mutex_) = 0;
  bool closed_ STRATA_GUARDED_BY(mutex_) = false;
};

}  // namespace strata::detail
