#pragma once
/// A result on its way from the driver's thread to the task that waits for it.
/// Threads: `set` and `wanted` by one, the awaiting task by another.

#include <strata/task.hpp>

#include <atomic>
#include <coroutine>
#include <memory>
#include <optional>
#include <utility>

namespace strata::detail {

template <class T>
class reply : public std::enable_shared_from_this<reply<T>> {
 public:
  /// False once the task has been destroyed: nobody needs the work any more.
  bool wanted() const noexcept { return now_.load(std::memory_order_relaxed) != phase::abandoned; }

  /// Hands `value` over and has the task resumed on its executor, or drops it if the task is gone.
  /// Requires: called once.
  void set(T value) {
    outcome_.emplace(std::move(value));
    auto expected = phase::waiting;
    if (!now_.compare_exchange_strong(expected, phase::finished)) {
      outcome_.reset();
    } else if (where_ == nullptr) {
      resume();
    } else {
      where_->post([self = this->shared_from_this()] { self->resume(); });
    }
  }

 private:
  template <class U, class Submit>
  friend class awaited_reply;
  enum class phase { waiting, finished, abandoned };

  void resume() {
    if (now_.load() == phase::finished) waiter_.resume();
  }

  std::coroutine_handle<> waiter_;
  executor* where_ = nullptr;
  std::atomic<phase> now_ = phase::waiting;
  std::optional<T> outcome_;  ///< of the driver while waiting, else of the task
};

/// `co_await awaited_reply<T, F>(submit)`: calls `submit(reply)`, which arranges that somebody calls
/// `set`, or returns a value at once. A task that is destroyed while it waits is not resumed.
template <class T, class Submit>
class awaited_reply {
 public:
  explicit awaited_reply(Submit submit) : submit_(std::move(submit)), shared_(std::make_shared<reply<T>>()) {}
  awaited_reply(const awaited_reply&) = delete;
  awaited_reply& operator=(const awaited_reply&) = delete;
  ~awaited_reply() {
    using phase = reply<T>::phase;
    if (shared_->now_.exchange(phase::abandoned) == phase::finished) shared_->outcome_.reset();
  }

  bool await_ready() const noexcept { return false; }
  template <class P>
  bool await_suspend(std::coroutine_handle<P> handle) {
    const auto kept = shared_;
    kept->waiter_ = handle;
    kept->where_ = executor_of(handle);
    auto submit = std::move(submit_);
    std::optional<T> refused = submit(kept);  // if nothing, `this` may be gone already
    if (!refused) return true;
    kept->outcome_.emplace(std::move(*refused));
    return false;
  }
  T await_resume() { return std::move(*shared_->outcome_); }

 private:
  Submit submit_;
  std::shared_ptr<reply<T>> shared_;
};

}  // namespace strata::detail
