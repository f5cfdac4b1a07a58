#include <strata/task.hpp>

namespace strata {

void run_loop::post(std::move_only_function<void()> work) {
  // Notified under the lock: the thread that drains may destroy this loop right after.
  std::lock_guard lock(mutex_);
  queue_.push_back(std::move(work));
  wake_.notify_one();
}

void run_loop::run_until(const std::function<bool()>& done) {
  std::unique_lock lock(mutex_);
  while (!done()) {
    wake_.wait(lock, [&] { return !queue_.empty(); });
    auto work = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    work();
    lock.lock();
  }
}

std::size_t run_loop::run_ready() {
  std::deque<std::move_only_function<void()>> batch;
  {
    std::lock_guard lock(mutex_);
    batch.swap(queue_);
  }
  for (auto& work : batch) work();
  return batch.size();
}

void async_latch::set() {
  std::deque<waiter> woken;
  std::deque<std::move_only_function<void()>> called;
  {
    std::lock_guard lock(mutex_);
    set_ = true;
    woken.swap(waiters_);
    called.swap(then_);
  }
  for (auto& each : called) each();
  for (auto& each : woken) {
    if (each.where != nullptr) {
      each.where->post([handle = each.handle] { handle.resume(); });
    } else {
      each.handle.resume();
    }
  }
}

void async_latch::then(std::move_only_function<void()> work) {
  {
    std::lock_guard lock(mutex_);
    if (!set_) {
      then_.push_back(std::move(work));
      return;
    }
  }
  work();
}

bool async_latch::is_set() const {
  std::lock_guard lock(mutex_);
  return set_;
}

bool async_latch::enqueue(std::coroutine_handle<> handle, executor* where) {
  std::lock_guard lock(mutex_);
  if (set_) return false;
  waiters_.push_back({handle, where});
  return true;
}

}  // namespace strata
