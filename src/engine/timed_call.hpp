#pragma once
/// A call to a store that is given up at a deadline, and then goes on without us.
/// Threads: the awaiting task resumes on its executor, or without one on the thread that ends the call.
///
/// The call owns all that it needs: its arguments, the store, and what is to be done when it ends.
/// So whoever waits for it may stop to (by the deadline, or since its task is dropped) at any time.

#include "engine/deadlines.hpp"

#include <strata/store.hpp>
#include <strata/task.hpp>

#include <atomic>
#include <memory>
#include <utility>

namespace strata::detail {

/// `Work` has
///   task<result<T>> operator()(store&)   begins the call; its arguments live in the Work
///   void ended(bool by_answer, result<T>&)   told once, by whoever ends the call: the answer, or the
///                                        deadline, which may be overtaken by the answer later
///   void late(result<T>&)                told when the answer comes after the deadline
template <class T, class Work>
class timed_call {
 public:
  /// `limit` null: no deadline.
  timed_call(std::shared_ptr<store> with, std::shared_ptr<deadlines> limit, Work work)
      : call_(std::make_shared<call>(std::move(with), std::move(limit), std::move(work))) {}
  timed_call(const timed_call&) = delete;
  timed_call& operator=(const timed_call&) = delete;
  ~timed_call() { call_->dropped.store(true); }

  bool await_ready() {
    begun_ = call_->work(*call_->with);
    if (!begun_.is_ready()) return false;
    call_->end(begun_.take_ready());
    return true;
  }

  template <class P>
  bool await_suspend(std::coroutine_handle<P> handle) {
    const auto kept = call_;
    kept->handle = handle;
    kept->where = executor_of(handle);
    if (kept->limit != nullptr) kept->id = kept->limit->add(kept);
    start(nullptr, std::move(begun_), [kept](completion<result<T>> done) {
      if (kept->limit != nullptr) kept->limit->remove(kept->id);
      auto answer = done ? std::move(*done) : fail(errc::store_unavailable, "the store's call threw");
      if (!kept->end(std::move(answer)))
        kept->work.late(answer);  // NOLINT(bugprone-use-after-move): not taken
    });
    // Whoever comes second, we or the end, goes on.
    return !kept->met.exchange(true);
  }

  result<T> await_resume() { return std::move(*call_->answer); }

 private:
  struct call final : deadlines::entry, std::enable_shared_from_this<call> {
    call(std::shared_ptr<store> with, std::shared_ptr<deadlines> limit, Work work)
        : with(std::move(with)), limit(std::move(limit)), work(std::move(work)) {}

    const std::shared_ptr<store> with;
    const std::shared_ptr<deadlines> limit;
    Work work;
    deadlines::id id = 0;
    std::optional<result<T>> answer;
    std::coroutine_handle<> handle;
    executor* where = nullptr;
    std::atomic<bool> over = false;
    std::atomic<bool> met = false;
    std::atomic<bool> dropped = false;

    /// Takes `with` and returns true, unless the call has ended before.
    bool end(result<T>&& with_answer, bool by_answer = true) {
      if (over.exchange(true)) return false;
      answer.emplace(std::move(with_answer));
      work.ended(by_answer, *answer);
      if (met.exchange(true)) go_on();
      return true;
    }
    void expire() override {
      end(fail(errc::timeout, "the second level did not answer in time (l2_timeout)"), false);
    }
    void go_on() {
      if (where == nullptr) {
        if (!dropped.load()) handle.resume();
        return;
      }
      where->post([self = this->shared_from_this()] {
        if (!self->dropped.load()) self->handle.resume();
      });
    }
  };

  std::shared_ptr<call> call_;
  task<result<T>> begun_{std::coroutine_handle<typename task<result<T>>::promise_type>()};
};

}  // namespace strata::detail
