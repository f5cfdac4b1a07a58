#pragma once
/// `task<T>`: a lazy coroutine, and the executors it resumes on. No I/O library is needed to
/// use it; an executor is anything that can run a function later.
/// Threads: a task belongs to one thread at a time. It resumes on the executor it was started
/// on, whichever thread completes what it waits for; started without one, it resumes on the
/// completing thread.

#include <condition_variable>
#include <coroutine>
#include <deque>
#include <exception>
#include <expected>
#include <functional>
#include <mutex>
#include <optional>
#include <type_traits>
#include <utility>

namespace strata {

/// Runs functions later, in order, on its own thread or threads.
/// Threads: `post` from any. Requires: outlives every task started on it.
class executor {
 public:
  virtual ~executor() = default;
  virtual void post(std::move_only_function<void()> work) = 0;
};

template <class T = void>
class task;

/// What a finished task left: its value or the exception it ended with.
template <class T>
using completion = std::expected<T, std::exception_ptr>;

namespace detail {

struct nothing {};

struct promise_base {
  std::coroutine_handle<> continuation = std::noop_coroutine();
  strata::executor* where = nullptr;

  struct resume_continuation {
    bool await_ready() const noexcept { return false; }
    template <class P>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<P> self) const noexcept {
      return self.promise().continuation;
    }
    void await_resume() const noexcept {}
  };
  std::suspend_always initial_suspend() const noexcept { return {}; }
  resume_continuation final_suspend() const noexcept { return {}; }
};

template <class T>
struct promise : promise_base {
  std::optional<completion<T>> outcome;

  task<T> get_return_object() noexcept;
  void unhandled_exception() noexcept { outcome.emplace(std::unexpected(std::current_exception())); }
  template <class U>
    requires std::is_convertible_v<U&&, T>
  void return_value(U&& value) {
    outcome.emplace(std::in_place, std::forward<U>(value));
  }
};

template <>
struct promise<void> : promise_base {
  std::optional<completion<void>> outcome;

  task<void> get_return_object() noexcept;
  void unhandled_exception() noexcept { outcome.emplace(std::unexpected(std::current_exception())); }
  void return_void() { outcome.emplace(); }
};

template <class P>
executor* executor_of(std::coroutine_handle<P> handle) noexcept {
  if constexpr (requires { handle.promise().where; }) return handle.promise().where;
  return nullptr;
}

}  // namespace detail

/// A computation that starts when awaited. A task made from a value is ready: awaiting it costs
/// no coroutine frame and never suspends.
/// Requires: awaited at most once, or started once with `start` / `sync_wait`.
template <class T>
class [[nodiscard]] task {
 public:
  using promise_type = detail::promise<T>;
  using value_type = T;

  /// A task that is done already.
  template <class U = T>
    requires(!std::is_void_v<T> && std::is_convertible_v<U &&, T> &&
             !std::is_same_v<std::remove_cvref_t<U>, task>)
  task(U&& value) : ready_(std::in_place, std::forward<U>(value)) {}  // NOLINT: implicit on purpose

  explicit task(std::coroutine_handle<promise_type> handle) noexcept : handle_(handle) {}
  task(task&& other) noexcept : handle_(std::exchange(other.handle_, {})), ready_(std::move(other.ready_)) {}
  task& operator=(task&& other) noexcept {
    if (this != &other) {
      if (handle_) handle_.destroy();
      handle_ = std::exchange(other.handle_, {});
      ready_ = std::move(other.ready_);
    }
    return *this;
  }
  ~task() {
    if (handle_) handle_.destroy();
  }

  /// True if the value is there without running anything.
  bool is_ready() const noexcept { return ready_.has_value(); }

  /// Takes the value of a ready task. Requires: is_ready().
  auto take_ready() {
    if constexpr (!std::is_void_v<T>) return std::move(*ready_);
  }

  struct awaiter {
    task& self;
    bool await_ready() const noexcept { return self.is_ready(); }
    template <class P>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<P> parent) noexcept {
      self.handle_.promise().continuation = parent;
      self.handle_.promise().where = detail::executor_of(parent);
      return self.handle_;
    }
    T await_resume() {
      if constexpr (!std::is_void_v<T>) {
        if (self.ready_) return std::move(*self.ready_);
      }
      auto& outcome = *self.handle_.promise().outcome;
      if (!outcome) std::rethrow_exception(outcome.error());
      if constexpr (!std::is_void_v<T>) return std::move(*outcome);
    }
  };
  awaiter operator co_await() && noexcept { return {*this}; }

 private:
  using stored = std::conditional_t<std::is_void_v<T>, detail::nothing, T>;
  std::coroutine_handle<promise_type> handle_;
  std::optional<stored> ready_;
};

namespace detail {

template <class T>
task<T> promise<T>::get_return_object() noexcept {
  return task<T>(std::coroutine_handle<promise>::from_promise(*this));
}
inline task<void> promise<void>::get_return_object() noexcept {
  return task<void>(std::coroutine_handle<promise>::from_promise(*this));
}

/// The root of a started task: owns itself and hands its outcome to `done`.
struct root {
  struct promise_type {
    executor* where = nullptr;
    root get_return_object() noexcept { return {std::coroutine_handle<promise_type>::from_promise(*this)}; }
    std::suspend_always initial_suspend() const noexcept { return {}; }
    std::suspend_never final_suspend() const noexcept { return {}; }
    void return_void() const noexcept {}
    [[noreturn]] void unhandled_exception() const noexcept { std::terminate(); }  // `done` threw
  };
  std::coroutine_handle<promise_type> handle;
};

template <class T, class Done>
root run_root(task<T> work, Done done) {
  std::optional<completion<T>> outcome;
  try {
    if constexpr (std::is_void_v<T>) {
      co_await std::move(work);
      outcome.emplace();
    } else {
      outcome.emplace(co_await std::move(work));
    }
  } catch (...) {
    outcome.emplace(std::unexpected(std::current_exception()));
  }
  done(std::move(*outcome));
}

}  // namespace detail

/// Runs `work` now, on this thread, until it first waits; then on `where`. `done` receives a
/// `completion<T>` and must not throw. `where` may be null: see the top of this page.
/// Cost: a ready task costs a call, another one coroutine frame.
template <class T, class Done>
void start(executor* where, task<T> work, Done done) {
  if constexpr (!std::is_void_v<T>) {
    if (work.is_ready()) {
      done(completion<T>(work.take_ready()));
      return;
    }
  }
  auto root = detail::run_root(std::move(work), std::move(done));
  root.handle.promise().where = where;
  root.handle.resume();
}

/// Awaits to the executor the awaiting task runs on, or null. Never suspends.
struct this_executor {
  executor* found = nullptr;
  bool await_ready() const noexcept { return false; }
  template <class P>
  bool await_suspend(std::coroutine_handle<P> self) noexcept {
    found = detail::executor_of(self);
    return false;
  }
  executor* await_resume() const noexcept { return found; }
};

/// Moves the awaiting task to `target`: it goes on there, and stays there until it waits again.
struct resume_on {
  executor& target;
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> self) const {
    target.post([self] { self.resume(); });
  }
  void await_resume() const noexcept {}
};

/// A queue that one thread drains: what `sync_wait` runs on, and tests.
/// Threads: `post` any; `run_until` and `run_ready` one.
class run_loop final : public executor {
 public:
  void post(std::move_only_function<void()> work) override;
  /// Runs what is posted until `done` returns true; blocks while there is nothing to run.
  void run_until(const std::function<bool()>& done);
  /// Runs what is posted now and returns how much that was. Never blocks.
  std::size_t run_ready();

 private:
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::move_only_function<void()>> queue_;
};

/// Runs `work` to its end on this thread and returns its value or throws its exception.
/// Requires: not called from a thread that `work` needs to go on.
template <class T>
T sync_wait(task<T> work) {
  if constexpr (!std::is_void_v<T>) {
    if (work.is_ready()) return work.take_ready();
  }
  run_loop loop;
  std::optional<completion<T>> outcome;
  start(&loop, std::move(work), [&](completion<T> result) { outcome.emplace(std::move(result)); });
  loop.run_until([&] { return outcome.has_value(); });
  if (!*outcome) std::rethrow_exception(outcome->error());
  if constexpr (!std::is_void_v<T>) return std::move(**outcome);
}

/// A one-shot event that suspends tasks until it is set; each waiter resumes on its executor.
/// Threads: internally locked. Lifetime: outlives its waiters.
class async_latch {
 public:
  /// Wakes every waiter, now and later. Idempotent.
  void set();
  bool is_set() const;

  /// Calls `work` when the event is set: by the thread that sets it, or now if it is set.
  void then(std::move_only_function<void()> work);

  struct awaiter {
    async_latch& self;
    bool await_ready() const { return self.is_set(); }
    template <class P>
    bool await_suspend(std::coroutine_handle<P> handle) {
      return self.enqueue(handle, detail::executor_of(handle));
    }
    void await_resume() const noexcept {}
  };
  awaiter wait() noexcept { return {*this}; }

 private:
  struct waiter {
    std::coroutine_handle<> handle;
    executor* where;
  };
  bool enqueue(std::coroutine_handle<> handle, executor* where);

  mutable std::mutex mutex_;
  bool set_ = false;
  std::deque<waiter> waiters_;
  std::deque<std::move_only_function<void()>> then_;
};

}  // namespace strata
