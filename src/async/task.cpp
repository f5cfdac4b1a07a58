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
  waiter_list woken;
  {
    std::lock_guard lock(mutex_);
    set_ = true;
    woken.swap(waiters_);
  }
  for (const auto& each : woken) detail::suspension::resume(each);
}

bool async_latch::is_set() const {
  std::lock_guard lock(mutex_);
  return set_;
}

async_latch::waiter_list::iterator async_latch::add(const std::shared_ptr<detail::suspension>& waiter) {
  {
    std::lock_guard lock(mutex_);
    if (!set_) return waiters_.insert(waiters_.end(), waiter);
  }
  detail::suspension::resume(waiter);
  return {};
}

void async_latch::remove(waiter_list::iterator place) {
  std::lock_guard lock(mutex_);
  if (!set_) waiters_.erase(place);
}

namespace detail {

bool suspension::suspend(std::coroutine_handle<> task, executor* on) noexcept {
  task_ = task;
  on_ = on;
  auto expected = phase::running;
  return phase_.compare_exchange_strong(expected, phase::waiting, std::memory_order_acq_rel);
}

bool suspension::resume(const std::shared_ptr<suspension>& given) noexcept {
  const auto self = given;  // the resumed task may destroy `given`
  auto seen = phase::running;
  if (self->phase_.compare_exchange_strong(seen, phase::resumed, std::memory_order_acq_rel)) return true;
  if (seen != phase::waiting) return false;
  if (self->on_ == nullptr) {
    if (!self->phase_.compare_exchange_strong(seen, phase::resumed, std::memory_order_acq_rel)) return false;
    self->task_.resume();
    return true;
  }
  if (!self->phase_.compare_exchange_strong(seen, phase::posting, std::memory_order_acq_rel)) return false;
  self->on_->post([self] { self->run(); });
  seen = phase::posting;
  self->phase_.compare_exchange_strong(seen, phase::posted, std::memory_order_acq_rel);
  self->phase_.notify_all();
  return true;
}

void suspension::run() {
  auto seen = phase_.load(std::memory_order_acquire);
  while (seen == phase::posting || seen == phase::posted) {
    if (!phase_.compare_exchange_weak(seen, phase::resumed, std::memory_order_acq_rel)) continue;
    task_.resume();
    return;  // the task may have destroyed `this`
  }
}

bool suspension::abandon() noexcept {
  auto seen = phase_.load(std::memory_order_acquire);
  for (;;) {
    switch (seen) {
      case phase::resumed:
        return true;
      case phase::abandoned:
        return false;
      case phase::posting:  // the executor may be destroyed as soon as we return
        phase_.wait(seen);
        seen = phase_.load(std::memory_order_acquire);
        break;
      default: {
        const bool was_posted = seen == phase::posted;
        if (phase_.compare_exchange_weak(seen, phase::abandoned, std::memory_order_acq_rel))
          return was_posted;
      }
    }
  }
}

}  // namespace detail

}  // namespace strata
