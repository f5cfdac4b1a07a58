#pragma once
/// A coroutine that a test can destroy while it waits.

#include <strata/task.hpp>

#include <coroutine>
#include <exception>
#include <utility>

namespace strata::test {

class abandonable {
 public:
  struct promise_type {
    executor* resume_executor = nullptr;
    abandonable get_return_object() noexcept {
      return abandonable(std::coroutine_handle<promise_type>::from_promise(*this));
    }
    std::suspend_always initial_suspend() const noexcept { return {}; }
    std::suspend_always final_suspend() const noexcept { return {}; }
    void return_void() const noexcept {}
    [[noreturn]] void unhandled_exception() const noexcept { std::terminate(); }
  };

  explicit abandonable(std::coroutine_handle<promise_type> handle) noexcept : handle_(handle) {}
  abandonable(abandonable&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
  abandonable& operator=(abandonable&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~abandonable() { destroy(); }

  void start(executor& on) {
    handle_.promise().resume_executor = &on;
    handle_.resume();
  }
  /// Without an executor: it resumes on the thread that ends its wait.
  void start_inline() { handle_.resume(); }
  void destroy() {
    if (handle_) std::exchange(handle_, {}).destroy();
  }
  bool done() const { return handle_.done(); }
  bool is_destroyed() const noexcept { return !handle_; }

 private:
  std::coroutine_handle<promise_type> handle_;
};

}  // namespace strata::test
