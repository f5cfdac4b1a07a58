#pragma once
/// Repeats work until its owner ends; the work chooses each pause.
/// Threads: internally locked. The work runs on the timers' thread, one run at a time.

#include "core/mutex.hpp"

#include <strata/time.hpp>
#include <strata/timer.hpp>

#include <functional>
#include <memory>
#include <utility>

namespace strata::detail {

class ticker {
 public:
  /// Returns the time until it is due again.
  using task_with_period = std::function<duration()>;

  ticker(timers& on, const clock& time) : timers_(on), time_(time), shared_(std::make_shared<state>()) {}
  ~ticker() { stop(); }
  ticker(const ticker&) = delete;
  ticker& operator=(const ticker&) = delete;

  /// Runs `work` now and whenever it is due. Requires: called once.
  void start(task_with_period work) {
    scoped_lock lock(shared_->mutex);
    shared_->work = std::move(work);
    schedule(shared_, timers_, time_, time_.now());
  }
  /// Runs the work once more, soon; the run that is due stays due.
  void hurry() {
    timers_.at(time_.now() + std::chrono::milliseconds(1), [self = shared_] {
      scoped_lock lock(self->mutex);
      if (self->work) self->work();
    });
  }
  /// Stops: once it returns, the work is not running and never will. Requires: not called by the work.
  void stop() {
    timers::id next = 0;
    {
      scoped_lock lock(shared_->mutex);
      shared_->work = nullptr;
      next = std::exchange(shared_->next, 0);
    }
    timers_.cancel(next);
  }

 private:
  /// Shared by the timers, which may be running the work, and an owner that ends.
  struct state {
    strata::detail::mutex mutex;
    task_with_period work STRATA_GUARDED_BY(mutex);
    timers::id next STRATA_GUARDED_BY(mutex) = 0;
  };

  static void schedule(const std::shared_ptr<state>& self, timers& on, const clock& time, time_point when)
      STRATA_REQUIRES(self->mutex) {
    self->next = on.at(when, [self, &on, &time] {
      scoped_lock lock(self->mutex);
      if (!self->work) return;
      const auto pause = self->work();
      schedule(self, on, time, time.now() + pause);
    });
  }

  timers& timers_;
  const clock& time_;
  const std::shared_ptr<state> shared_;
};

}  // namespace strata::detail
