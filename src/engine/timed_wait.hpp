#pragma once
/// Waiting for an event, but not for ever.
/// Threads: the awaiting task resumes on its executor, or without one on the thread that ends the
/// wait.

#include <strata/task.hpp>
#include <strata/timer.hpp>

#include <atomic>
#include <memory>

namespace strata::detail {

/// `co_await timed_wait(event, timers, deadline)` is true if the event was set before `deadline`.
/// The event is shared, since it may outlive the wait or the wait it.
class timed_wait {
 public:
  timed_wait(std::shared_ptr<async_latch> what, timers& with, time_point deadline)
      : what_(std::move(what)), timers_(with), deadline_(deadline) {}

  bool await_ready() {
    ended_->was_set = what_->is_set();
    return ended_->was_set;
  }

  template <class P>
  void await_suspend(std::coroutine_handle<P> handle) {
    // From the first registration on the task may go on elsewhere and destroy `this`.
    const auto ended = ended_;
    const auto what = what_;
    ended->handle = handle;
    ended->where = executor_of(handle);
    ended->owner = &timers_;
    ended->timer = timers_.at(deadline_, [ended] { ended->end(false); });
    what->then([ended] {
      if (ended->end(true)) ended->owner->cancel(ended->timer);
    });
  }

  bool await_resume() const noexcept { return ended_->was_set; }

 private:
  struct outcome {
    std::coroutine_handle<> handle;
    executor* where = nullptr;
    timers* owner = nullptr;
    std::atomic<timers::id> timer = 0;
    std::atomic<bool> over = false;
    bool was_set = false;

    bool end(bool set) {
      if (over.exchange(true)) return false;
      was_set = set;
      if (where != nullptr) {
        where->post([resumed = handle] { resumed.resume(); });
      } else {
        handle.resume();
      }
      return true;
    }
  };

  std::shared_ptr<async_latch> what_;
  timers& timers_;
  time_point deadline_;
  std::shared_ptr<outcome> ended_ = std::make_shared<outcome>();
};

}  // namespace strata::detail
