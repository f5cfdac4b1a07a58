#pragma once
/// A call to a store with a deadline. After the deadline the call goes on, but its caller no longer waits.
/// Threads: the awaiting task resumes on its executor, or without one on the thread that ends the call.
///
/// The call owns its arguments, the store and the work to do when it ends. So the waiting task can be
/// resumed by the deadline, or be destroyed, while the call goes on. An answer that no task takes goes to the
/// work: it may carry a lease, or end an invalidation.

#include "async/one_shot.hpp"
#include "engine/deadlines.hpp"

#include <strata/store.hpp>
#include <strata/task.hpp>

#include <concepts>
#include <memory>
#include <utility>

namespace strata::detail {

/// What timed_call runs. It owns the arguments of the call.
template <class W, class T>
concept timed_work = requires(W& work, store& to, bool by_answer, result<T>& answer) {
  { work(to) } -> std::same_as<task<result<T>>>;  // begins the call
  work.ended(by_answer, answer);                  // once: by the answer, or by the deadline if that is first
  work.unwaited(answer);  // no task takes it: it came after the deadline, or the task was destroyed
};

template <class T, timed_work<T> Work>
class timed_call {
 public:
  /// `limit` null: no deadline.
  timed_call(std::shared_ptr<store> to, std::shared_ptr<deadlines> limit, Work work)
      : call_(std::make_shared<call>(std::move(to), std::move(limit), std::move(work))) {}
  timed_call(const timed_call&) = delete;
  timed_call& operator=(const timed_call&) = delete;

  bool await_ready() {
    begun_ = call_->work(*call_->to);
    if (!begun_.is_ready()) return false;
    call_->end(begun_.take_ready());
    return true;
  }

  template <class P>
  bool await_suspend(std::coroutine_handle<P> task) {
    if (call_->limit != nullptr) call_->id = call_->limit->add(call_);
    start(nullptr, std::move(begun_), [kept = call_](completion<result<T>> done) {
      if (kept->limit != nullptr) kept->limit->remove(kept->id);
      auto answer = done ? std::move(*done) : fail(errc::store_unavailable, "the store's call threw");
      if (!kept->end(std::move(answer)))
        kept->work.unwaited(answer);  // NOLINT(bugprone-use-after-move): not taken
    });
    return answer_.await_suspend(task);
  }

  result<T> await_resume() { return answer_.await_resume().take(); }

 private:
  /// An answer on its way to the waiting task. Lifetime: `work` outlives it.
  class owned_answer {
   public:
    owned_answer(Work& work, result<T> answer) : work_(&work), answer_(std::move(answer)) {}
    owned_answer(owned_answer&& other) noexcept
        : work_(std::exchange(other.work_, nullptr)), answer_(std::move(other.answer_)) {}
    owned_answer& operator=(owned_answer&&) = delete;
    ~owned_answer() {
      if (work_ != nullptr) work_->unwaited(answer_);
    }
    result<T> take() {
      work_ = nullptr;
      return std::move(answer_);
    }

   private:
    Work* work_;
    result<T> answer_;
  };

  struct call final : deadlines::entry, one_shot<owned_answer> {
    call(std::shared_ptr<store> to, std::shared_ptr<deadlines> limit, Work work)
        : to(std::move(to)), limit(std::move(limit)), work(std::move(work)) {}

    const std::shared_ptr<store> to;
    const std::shared_ptr<deadlines> limit;
    Work work;
    deadlines::id id = 0;

    /// Takes `with_answer` and returns true, unless the call has ended before.
    bool end(result<T>&& with_answer, bool by_answer = true) {
      if (!this->claim()) return false;
      work.ended(by_answer, with_answer);
      this->deliver(owned_answer(work, std::move(with_answer)));
      return true;
    }
    void expire() override {
      end(fail(errc::timeout, "the second level did not answer in time (l2_timeout)"), false);
    }
  };

  std::shared_ptr<call> call_;
  one_shot<owned_answer>::awaiter answer_ = call_->wait();
  task<result<T>> begun_{std::coroutine_handle<typename task<result<T>>::promise_type>()};
};

}  // namespace strata::detail
