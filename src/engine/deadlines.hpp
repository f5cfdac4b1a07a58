#pragma once
/// The deadlines of calls that all have the same time limit. The oldest call is the next to end, so one queue
/// and one timer serve them all: a timer for each call would cost more than the rest of the call.
/// Threads: internally locked.
///
/// Timers on another clock than ours (a test's clock that stands still) fire too early. They are not armed
/// again, and the call waits.

#include "core/mutex.hpp"

#include <strata/timer.hpp>

#include <deque>
#include <memory>
#include <vector>

namespace strata::detail {

class deadlines : public std::enable_shared_from_this<deadlines> {
 public:
  /// Called without a lock held, on the timers' thread.
  struct entry {
    virtual ~entry() = default;
    virtual void expire() = 0;
  };
  using id = std::uint64_t;

  /// Lifetime: `timers` and `time` outlive every added entry, or `stop`.
  deadlines(duration limit, timers& timers, const clock& time)
      : limit_(limit), timers_(timers), time_(time) {}

  id add(std::shared_ptr<entry> call) {
    const auto due = time_.now() + limit_;
    const scoped_lock lock(mutex_);
    waiting_.push_back({due, std::move(call)});
    if (!armed_) arm(due);
    return first_ + waiting_.size() - 1;
  }

  /// Forgets an entry whose call has ended in time.
  void remove(id which) {
    std::shared_ptr<entry> gone;
    const scoped_lock lock(mutex_);
    if (which < first_) return;
    gone = std::move(waiting_[which - first_].call);
    drop_ended();
  }

  /// Expires nothing any more. After it returns, a timer that still fires uses neither clock nor timers.
  void stop() {
    const scoped_lock lock(mutex_);
    stopped_ = true;
  }

 private:
  struct waiter {
    time_point due;
    std::shared_ptr<entry> call;  ///< null: ended
  };

  void arm(time_point due) STRATA_REQUIRES(mutex_) {
    armed_ = true;
    timers_.at(due, [self = weak_from_this(), due] {
      if (const auto alive = self.lock()) alive->run(due);
    });
  }
  void drop_ended() STRATA_REQUIRES(mutex_) {
    while (!waiting_.empty() && waiting_.front().call == nullptr) {
      waiting_.pop_front();
      ++first_;
    }
  }
  void run(time_point armed_for) {
    std::vector<std::shared_ptr<entry>> late;
    {
      const scoped_lock lock(mutex_);
      if (stopped_) return;
      const auto now = time_.now();
      while (!waiting_.empty() && (waiting_.front().call == nullptr || waiting_.front().due <= now)) {
        if (waiting_.front().call != nullptr) late.push_back(std::move(waiting_.front().call));
        waiting_.pop_front();
        ++first_;
      }
      armed_ = false;
      if (!waiting_.empty() && armed_for <= now) arm(waiting_.front().due);
    }
    for (const auto& each : late) each->expire();
  }

  const duration limit_;
  timers& timers_;
  const clock& time_;
  mutex mutex_;
  std::deque<waiter> waiting_ STRATA_GUARDED_BY(mutex_);
  id first_ STRATA_GUARDED_BY(mutex_) = 0;  ///< of the front of `waiting_`
  bool armed_ STRATA_GUARDED_BY(mutex_) = false;
  bool stopped_ STRATA_GUARDED_BY(mutex_) = false;
};

}  // namespace strata::detail
