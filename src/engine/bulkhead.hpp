#pragma once
/// Limits how many factories run at once, to protect the source while the cache is cold.
/// Threads: internally locked. A waiter resumes on its executor, first come first served.

#include "core/mutex.hpp"

#include <strata/task.hpp>

#include <deque>
#include <memory>
#include <optional>
#include <utility>

namespace strata::detail {

class bulkhead {
 public:
  /// `limit` 0: no limit. At most `queue` callers wait.
  bulkhead(unsigned limit, unsigned queue) : limit_(limit), queue_(queue) {}

  /// The right to run; returned when destroyed.
  class pass {
   public:
    explicit pass(bulkhead* owner = nullptr) : owner_(owner) {}
    pass(pass&& other) noexcept : owner_(std::exchange(other.owner_, nullptr)) {}
    pass& operator=(pass&&) = delete;
    ~pass() {
      if (owner_ != nullptr) owner_->leave();
    }

   private:
    bulkhead* owner_;
  };

  /// Waits for a turn. Returns nothing if the queue is full.
  task<std::optional<pass>> enter() {
    if (limit_ == 0) return std::optional<pass>(pass());
    std::shared_ptr<async_latch> turn;
    {
      const scoped_lock lock(mutex_);
      if (running_ < limit_) {
        ++running_;
        return std::optional<pass>(pass(this));
      }
      if (waiting_.size() >= queue_) return std::optional<pass>();
      turn = std::make_shared<async_latch>();
      waiting_.push_back(turn);
    }
    return wait(queue_place(*this, std::move(turn)));
  }

 private:
  /// A place in the queue. A caller that gives up, even before it has begun to wait, leaves it; the turn that
  /// it has been handed in the meantime goes to the next.
  class queue_place {
   public:
    queue_place(bulkhead& owner, std::shared_ptr<async_latch> turn)
        : owner_(&owner), turn_(std::move(turn)) {}
    queue_place(queue_place&& other) noexcept
        : owner_(std::exchange(other.owner_, nullptr)), turn_(std::move(other.turn_)) {}
    queue_place& operator=(queue_place&&) = delete;
    ~queue_place() {
      if (owner_ != nullptr) owner_->give_up(turn_);
    }

    async_latch& turn() const { return *turn_; }
    /// Requires: it is this caller's turn.
    pass use() { return pass(std::exchange(owner_, nullptr)); }

   private:
    bulkhead* owner_;
    std::shared_ptr<async_latch> turn_;
  };

  static task<std::optional<pass>> wait(queue_place place) {
    co_await place.turn().wait();
    co_return std::optional<pass>(place.use());
  }

  void give_up(const std::shared_ptr<async_latch>& turn) {
    {
      const scoped_lock lock(mutex_);
      if (std::erase(waiting_, turn) != 0) return;
    }
    leave();
  }

  void leave() {
    std::shared_ptr<async_latch> next;
    {
      const scoped_lock lock(mutex_);
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
  mutex mutex_;
  unsigned running_ STRATA_GUARDED_BY(mutex_) = 0;
  std::deque<std::shared_ptr<async_latch>> waiting_ STRATA_GUARDED_BY(mutex_);
};

}  // namespace strata::detail
