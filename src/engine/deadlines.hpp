#pragma once
/// The deadlines of calls that all get the same time. The oldest is the next to end, so a queue and
/// one timer serve them all: arming a timer of its own costs a call more than the rest of it.
/// Threads: internally locked.
///
/// Timers that run on another clock than ours (a test's, that stands still) come too early; they are not
/// set again, and the call waits.

#include <strata/timer.hpp>

#include <deque>
#include <memory>
#include <mutex>
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

  /// Lifetime: `with` and `time` outlive what is added.
  deadlines(duration each, timers& with, const clock& time) : each_(each), timers_(with), time_(time) {}

  id add(std::shared_ptr<entry> what) {
    const auto due = time_.now() + each_;
    std::lock_guard lock(mutex_);
    waiting_.push_back({due, std::move(what)});
    if (!armed_) arm(due);
    return first_ + waiting_.size() - 1;
  }

  /// Forgets an entry that has ended in time.
  void remove(id which) {
    std::shared_ptr<entry> gone;
    std::lock_guard lock(mutex_);
    if (which < first_) return;
    gone = std::move(waiting_[which - first_].what);
    drop_ended();
  }

 private:
  struct waiter {
    time_point due;
    std::shared_ptr<entry> what;  ///< null: ended
  };

  void arm(time_point due) {
    armed_ = true;
    timers_.at(due, [self = weak_from_this(), due] {
      if (const auto alive = self.lock()) alive->run(due);
    });
  }
  void drop_ended() {
    while (!waiting_.empty() && waiting_.front().what == nullptr) {
      waiting_.pop_front();
      ++first_;
    }
  }
  void run(time_point armed_for) {
    std::vector<std::shared_ptr<entry>> late;
    {
      std::lock_guard lock(mutex_);
      const auto now = time_.now();
      while (!waiting_.empty() && (waiting_.front().what == nullptr || waiting_.front().due <= now)) {
        if (waiting_.front().what != nullptr) late.push_back(std::move(waiting_.front().what));
        waiting_.pop_front();
        ++first_;
      }
      armed_ = false;
      if (!waiting_.empty() && armed_for <= now) arm(waiting_.front().due);
    }
    for (const auto& each : late) each->expire();
  }

  const duration each_;
  timers& timers_;
  const clock& time_;
  std::mutex mutex_;
  std::deque<waiter> waiting_;
  id first_ = 0;  ///< of the front of `waiting_`
  bool armed_ = false;
};

}  // namespace strata::detail
