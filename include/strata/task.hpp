#pragma once
/// `task<T>`: a lazy coroutine, and the executors it resumes on. It needs no I/O library: an
/// executor is anything that can run a function later.
/// Threads: a task belongs to one thread at a time. It resumes on the executor it was started on,
/// whichever thread completes its wait. Without an executor it resumes on the completing thread.
/// Lifetime: a task that waits may be destroyed, and is then never resumed. Destroy it on the thread
/// of its executor; without an executor, only while nothing can complete its wait.

// Before the standard headers: an old library lacks some, and its complaint would hide this one.
#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ < 14
#error \
    "Strata needs g++ 14 or newer, or clang 19: g++ 12 compiles `co_await f([owned = std::move(owned)] { ... })` without a warning and frees `owned` twice"
#endif

#include <atomic>
#include <condition_variable>
#include <coroutine>
#include <deque>
#include <exception>
#include <expected>
#include <functional>
#include <list>
#include <memory>
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

/// The result of a finished task: its value or the exception it ended with.
template <class T>
using completion = std::expected<T, std::exception_ptr>;

namespace detail {

struct nothing {};
class timed_wait;

struct promise_base {
  std::coroutine_handle<> continuation = std::noop_coroutine();
  executor* resume_executor = nullptr;

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
  if constexpr (requires { handle.promise().resume_executor; }) {
    return handle.promise().resume_executor;
  }
  return nullptr;
}

/// One suspended task, shared by its awaiter and by those that may resume it. src/async/one_shot.hpp
/// explains how to write an awaiter with it.
/// Threads: `suspend` and `abandon` the task's; the rest any.
class suspension {
 public:
  suspension() = default;
  suspension(const suspension&) = delete;
  suspension& operator=(const suspension&) = delete;

  /// The awaiter's last step of `await_suspend`. Returns false if `resume` came first: then the task
  /// must not suspend. After true the task may run elsewhere and destroy its awaiter.
  bool suspend(std::coroutine_handle<> task, executor* on) noexcept;

  /// Undoes `suspend`, before anything else can resume the task: it goes on at once.
  void withdraw() noexcept { phase_.store(phase::resumed, std::memory_order_release); }

  /// Resumes the task: by its executor if it has one, else before this returns. The first call counts.
  /// Returns true for that call, unless the task had been destroyed.
  static bool resume(const std::shared_ptr<suspension>& self) noexcept;

  /// The awaiter's destructor calls it. The task is not resumed any more, and `resume` does not touch
  /// its executor any more. Returns true if `resume` had come first.
  bool abandon() noexcept;

  bool is_resumed() const noexcept { return phase_.load(std::memory_order_acquire) == phase::resumed; }
  bool is_abandoned() const noexcept { return phase_.load(std::memory_order_acquire) == phase::abandoned; }

 private:
  enum class phase : int { running, waiting, posting, posted, resumed, abandoned };
  void run();

  std::atomic<phase> phase_ = phase::running;
  std::coroutine_handle<> task_;
  executor* on_ = nullptr;
};

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
      self.handle_.promise().resume_executor = detail::executor_of(parent);
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
    executor* resume_executor = nullptr;
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

/// Runs `work` on this thread until it first waits, and from then on `on`. `done` receives a
/// `completion<T>` and must not throw. `on` may be null: see the top of this page.
/// Cost: a ready task costs a call, another one coroutine frame.
template <class T, class Done>
void start(executor* on, task<T> work, Done done) {
  if constexpr (!std::is_void_v<T>) {
    if (work.is_ready()) {
      done(completion<T>(work.take_ready()));
      return;
    }
  }
  auto root = detail::run_root(std::move(work), std::move(done));
  root.handle.promise().resume_executor = on;
  root.handle.resume();
}

/// `co_await this_executor()` is the executor of the awaiting task, or null. Never suspends.
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

/// `co_await resume_on{target}` moves the awaiting task to `target` until its next wait.
class resume_on {
 public:
  explicit resume_on(executor& target) : target_(target) {}
  resume_on(const resume_on&) = delete;
  resume_on& operator=(const resume_on&) = delete;
  ~resume_on() { waiter_->abandon(); }

  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> task) {
    const auto kept = waiter_;  // the task may go on elsewhere and destroy `this`
    kept->suspend(task, &target_);
    detail::suspension::resume(kept);
  }
  void await_resume() const noexcept {}

 private:
  executor& target_;
  std::shared_ptr<detail::suspension> waiter_ = std::make_shared<detail::suspension>();
};

/// An executor whose queue one thread drains. `sync_wait` uses it, and so do tests.
/// Threads: `post` any; `run_until` and `run_ready` one.
class run_loop final : public executor {
 public:
  void post(std::move_only_function<void()> work) override;
  /// Runs what is posted until `done` returns true; blocks while there is nothing to run.
  void run_until(const std::function<bool()>& done);
  /// Runs what has been posted so far and returns how many functions that were. Never blocks.
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

/// A latch that suspends tasks until it is set. Each waiter resumes on its executor.
/// Threads: internally locked. Lifetime: outlives the tasks that wait for it.
class async_latch {
 public:
  /// Wakes every waiter, now and later. Idempotent.
  void set();
  bool is_set() const;

  class awaiter;
  /// `co_await latch.wait()` suspends until the latch is set. A task destroyed meanwhile leaves the list.
  awaiter wait() noexcept;

 private:
  friend class detail::timed_wait;
  using waiter_list = std::list<std::shared_ptr<detail::suspension>>;

  /// Has `set` resume `waiter`, or resumes it now if the latch is set.
  waiter_list::iterator add(const std::shared_ptr<detail::suspension>& waiter);
  void remove(waiter_list::iterator place);

  mutable std::mutex mutex_;
  bool set_ = false;
  waiter_list waiters_;  ///< taken by `set`
};

class async_latch::awaiter {
 public:
  explicit awaiter(async_latch& latch) noexcept : latch_(latch) {}
  awaiter(const awaiter&) = delete;
  awaiter& operator=(const awaiter&) = delete;
  ~awaiter() {
    // Once resumed, the latch may be gone.
    if (waiter_ && !waiter_->abandon()) latch_.remove(place_);
  }

  bool await_ready() const { return latch_.is_set(); }
  template <class P>
  bool await_suspend(std::coroutine_handle<P> task) {
    waiter_ = std::make_shared<detail::suspension>();
    place_ = latch_.add(waiter_);
    return waiter_->suspend(task, detail::executor_of(task));
  }
  void await_resume() const noexcept {}

 private:
  async_latch& latch_;
  std::shared_ptr<detail::suspension> waiter_;  ///< null: it never suspended
  waiter_list::iterator place_;
};

inline async_latch::awaiter async_latch::wait() noexcept {
  return awaiter(*this);
}

}  // namespace strata
