#pragma once
/// Waiting for a latch until a deadline.

#include <strata/task.hpp>
#include <strata/timer.hpp>

#include <memory>
#include <utility>

namespace strata::detail {

/// `co_await timed_wait(latch, timers, deadline)` is true if the latch is set when the task resumes,
/// which is at `deadline` at the latest.
/// Lifetime: `with` outlives the wait; the latch is kept.
class timed_wait {
 public:
  timed_wait(std::shared_ptr<async_latch> latch, timers& with, time_point deadline)
      : latch_(std::move(latch)), timers_(with), deadline_(deadline) {}
  timed_wait(const timed_wait&) = delete;
  timed_wait& operator=(const timed_wait&) = delete;
  ~timed_wait() {
    if (!waiter_) return;
    waiter_->abandon();
    latch_->remove(place_);
    timers_.cancel(timer_);
  }

  bool await_ready() const { return latch_->is_set(); }

  template <class P>
  bool await_suspend(std::coroutine_handle<P> task) {
    auto waiter = std::make_shared<suspension>();
    timer_ = timers_.at(deadline_, [waiter] { suspension::resume(waiter); });
    place_ = latch_->add(waiter);
    waiter_ = std::move(waiter);
    return waiter_->suspend(task, executor_of(task));
  }

  bool await_resume() const { return latch_->is_set(); }

 private:
  const std::shared_ptr<async_latch> latch_;
  timers& timers_;
  const time_point deadline_;
  std::shared_ptr<suspension> waiter_;  ///< null: it never suspended
  timers::id timer_ = 0;
  async_latch::waiter_list::iterator place_;
};

}  // namespace strata::detail
