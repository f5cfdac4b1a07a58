#pragma once
/// Who may use the one writing connection: a first-come, first-served lock that suspends tasks and
/// blocks no thread.
/// Threads: internally locked.

#include "core/mutex.hpp"

#include <strata/error.hpp>
#include <strata/task.hpp>

#include <coroutine>
#include <deque>
#include <memory>

namespace strata::detail {

class turn_queue {
 public:
  /// `limit`: how many tasks may wait.
  explicit turn_queue(unsigned limit) : limit_(limit) {}

  /// Gives the turn to the task that has waited longest. Requires: the caller has the turn.
  void pass_on();

  /// Refuses all who wait and all who come. Idempotent.
  void close();

  class awaiter;
  /// `co_await queue.wait()` gives a result<void>: the caller has the turn and must pass it on, or
  /// busy (too many wait), or database_unavailable (closed).
  /// A task that is destroyed while it waits leaves the queue, or passes on the turn it was given.
  awaiter wait();

 private:
  enum class standing { waiting, granted, full, closed };
  struct waiter : suspension {
    standing outcome = standing::waiting;  ///< guarded by the queue's lock until the waiter is woken
  };
  using waiter_ptr = std::shared_ptr<waiter>;

  standing ask(const waiter_ptr& who);
  void leave(const waiter_ptr& who);

  mutex guard_;
  std::deque<waiter_ptr> waiting_ STRATA_GUARDED_BY(guard_);
  bool taken_ STRATA_GUARDED_BY(guard_) = false;
  bool closed_ STRATA_GUARDED_BY(guard_) = false;
  const unsigned limit_;
};

class turn_queue::awaiter {
 public:
  explicit awaiter(turn_queue& queue) : queue_(queue), me_(std::make_shared<waiter>()) {}
  awaiter(const awaiter&) = delete;
  awaiter& operator=(const awaiter&) = delete;
  ~awaiter() {
    if (resumed_) return;
    me_->abandon();
    queue_.leave(me_);
  }

  bool await_ready() const noexcept { return false; }
  template <class P>
  bool await_suspend(std::coroutine_handle<P> handle) {
    return queue_.ask(me_) == standing::waiting && me_->suspend(handle, executor_of(handle));
  }
  result<void> await_resume();

 private:
  turn_queue& queue_;
  waiter_ptr me_;
  bool resumed_ = false;
};

inline turn_queue::awaiter turn_queue::wait() {
  return awaiter(*this);
}

}  // namespace strata::detail
