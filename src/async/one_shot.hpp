#pragma once
/// A value that any thread sets once and one task awaits.
///
/// Every wait in the library has two sides. The *waiter* is a task: it can be destroyed at any moment
/// while it waits, and its executor right after it. The *setter* is some other thread: it must not
/// touch a destroyed task, nor its executor, and may be called before the task suspends or never.
/// `suspension` (strata/task.hpp) settles all of these races with one atomic phase:
///
///   running ──suspend──► waiting ──resume──► posting ──► posted ──► resumed
///      │                    │                   the executor runs it ─┘
///      └──resume──► resumed └──abandon──► abandoned
///
///  * `resume` before `suspend`: the phase is `resumed`, so `suspend` returns false and the task goes
///    on at once. An awaiter therefore registers with everything that may resume it first and calls
///    `suspend` last; after that it touches no member, since the task may run elsewhere and be gone.
///  * `abandon` against `resume`: one of the two wins the phase. If `abandon` wins, the setter sees it
///    and touches neither task nor executor. If `resume` wins, the posted function finds the phase
///    `abandoned` when it runs and does nothing.
///  * `posting` guards the executor: `abandon` waits until the setter's call of `post` has returned.
///  * Several setters (an answer and a deadline): the first `resume` counts.
///
/// Without an executor the setter's thread resumes the task itself. No protocol can then protect a
/// task that another thread destroys at that moment; strata/task.hpp forbids it.
///
/// Redis connections keep a protocol of their own (redis/connection/delivery.hpp): one `post` resumes all
/// tasks of an executor whose replies arrived together.
///
/// A value that no task will take is destroyed by the side that finds that out, at once: it may hold a
/// resource, such as the turn to write, that others wait for.

#include <strata/task.hpp>

#include <atomic>
#include <memory>
#include <optional>
#include <utility>

namespace strata::detail {

/// Threads: any; `wait` one task. Lifetime: shared by the waiter and the setters.
template <class T>
class one_shot : public std::enable_shared_from_this<one_shot<T>> {
 public:
  /// Sets the value and resumes the task. Returns false if there was a value, or no task takes it.
  bool set(T value) { return claim() && deliver(std::move(value)); }

  /// In two steps, for a setter that has something to do in between. Returns true for the first caller,
  /// which must call `deliver`.
  bool claim() noexcept { return !claimed_.exchange(true, std::memory_order_acq_rel); }
  bool deliver(T value) {
    value_.emplace(std::move(value));
    const bool taken =
        suspension::resume(std::shared_ptr<suspension>(this->shared_from_this(), &suspension_));
    if (!taken) value_.reset();
    return taken;
  }

  /// False once the waiting task has been destroyed: its work is no longer needed.
  bool is_wanted() const noexcept { return !suspension_.is_abandoned(); }

  class awaiter;
  /// `co_await shot.wait()` is the value. Requires: called once.
  awaiter wait() noexcept { return awaiter(*this); }

  template <class Begin>
  class starting_awaiter;
  /// The same for work that begins with the wait: once the task is suspended, `begin()` hands the work to
  /// its thread, or returns a value at once. So the task always resumes on its executor, or without one on
  /// the setter's thread, however fast the work is.
  template <class Begin>
  starting_awaiter<Begin> wait_for(Begin begin) {
    return starting_awaiter<Begin>(*this, std::move(begin));
  }

 private:
  std::atomic<bool> claimed_ = false;
  suspension suspension_;
  std::optional<T> value_;  ///< the setter's until it resumes the task, then the task's
};

template <class T>
class one_shot<T>::awaiter {
 public:
  explicit awaiter(one_shot& of) noexcept : of_(of.shared_from_this()) {}
  awaiter(const awaiter&) = delete;
  awaiter& operator=(const awaiter&) = delete;
  ~awaiter() {
    if (!taken_ && of_->suspension_.abandon()) of_->value_.reset();
  }

  bool await_ready() const noexcept { return of_->suspension_.is_resumed(); }
  template <class P>
  bool await_suspend(std::coroutine_handle<P> task) {
    return of_->suspension_.suspend(task, executor_of(task));
  }
  T await_resume() {
    taken_ = true;
    T value = std::move(*of_->value_);
    of_->value_.reset();
    return value;
  }

 protected:
  const std::shared_ptr<one_shot> of_;

 private:
  bool taken_ = false;
};

template <class T>
template <class Begin>
class one_shot<T>::starting_awaiter : public awaiter {
 public:
  starting_awaiter(one_shot& of, Begin begin) : awaiter(of), begin_(std::move(begin)) {}

  bool await_ready() const noexcept { return false; }
  template <class P>
  bool await_suspend(std::coroutine_handle<P> task) {
    const auto of = this->of_;
    auto begin = std::move(begin_);
    of->suspension_.suspend(task, executor_of(task));
    std::optional<T> refused = begin();  // if nothing, `this` may be gone already
    if (!refused) return true;
    of->suspension_.withdraw();
    of->value_.emplace(std::move(*refused));
    return false;
  }

 private:
  Begin begin_;
};

}  // namespace strata::detail
