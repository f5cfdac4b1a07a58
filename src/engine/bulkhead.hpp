#pragma once
/// A limit on how many factories run at once: what protects the source when the cache is cold.
/// Threads: internally locked. A waiter resumes on its executor, first come first served.

#include <strata/task.hpp>

#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

namespace strata::detail {

class bulkhead {
 public:
  /// `limit` 0: none. At most `queue` wait.
  bulkhead(unsigned limit, unsigned queue) : limit_(limit), queue_(queue) {}

  /// The right to run, given back when destroyed.
  class pass {
   public:
    explicit pass(bulkhead* from = nullptr) : from_(from) {}
    pass(pass&& other) noexcept : from_(std::exchange(other.from_, nullptr)) {}
    pass& operator=(pass&&) = delete;
    ~pass() {
      if (from_ != nullptr) from_->leave();
    }

   private:
    bulkhead* from_;
  };

  /// Waits for a turn. Nothing: the queue is full.
  task<std::optional<pass>> enter() {
    if (limit_ == 0) return std::optional<pass>(pass());
    std::shared_ptr<async_latch> turn;
    {
      std::lock_guard lock(mutex_);
      if (running_ < limit_) {
        ++running_;
        return std::optional<pass>(pass(this));
      }
      if (waiting_.size() >= queue_) return std::optional<pass>();
      turn = std::make_shared<async_latch>();
      waiting_.push_back(turn);
    }
    return wait(std::move(turn));
  }

 private:
  task<std::optional<pass>> wait(std::shared_ptr<async_latch> turn) {
    // The turn is handed over by who leaves, so it is ours even if this task is dropped now: then
    // `owner` gives it on.
    const waiter owner{*this, turn};
    co_await turn->wait();
    owner.took = true;
    co_return std::optional<pass>(pass(this));
  }

  struct waiter {
    bulkhead& from;
    std::shared_ptr<async_latch> turn;
    mutable bool took = false;
    ~waiter() {
      if (!took) from.give_up(turn);
    }
  };

  void give_up(const std::shared_ptr<async_latch>& turn) {
    {
      std::lock_guard lock(mutex_);
      if (std::erase(waiting_, turn) != 0) return;
    }
    leave();
  }

  void leave() {
    std::shared_ptr<async_latch> next;
    {
      std::lock_guard lock(mutex_);
      if (waiting_.empty()) {
        --running_;
        return;
      }
      next = std::move(waiting_.front());
      waiting_.pop_front();
    }
    next->set();
  }

  const unsigned limit_;
  const unsigned queue_;
  std::mutex mutex_;
  unsigned running_ = 0;
  std::deque<std::shared_ptr<async_latch>> waiting_;
};

}  // namespace strata::detail
