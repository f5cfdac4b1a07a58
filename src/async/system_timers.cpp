#include <strata/timer.hpp>

#include "async/work_queue.hpp"
#include "core/mutex.hpp"

#include <condition_variable>
#include <map>
#include <thread>
#include <vector>

namespace strata {

namespace {

// Both classes are stopped when the process ends, and never destroyed: other threads, such as those of a
// cache that a static object owns, may still call them then. Work that comes after the stop is not done.

class thread_timers final : public timers {
 public:
  void stop() {
    {
      detail::scoped_lock lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_one();
    if (thread_.joinable()) thread_.join();
  }

  id at(time_point when, std::move_only_function<void()> work) override {
    detail::scoped_lock lock(mutex_);
    const id number = ++last_;
    if (stopping_) return number;
    if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
    const auto place = due_.emplace(when, pending{number, std::move(work)});
    by_id_.emplace(number, place);
    if (place == due_.begin()) wake_.notify_one();
    return number;
  }

  bool cancel(id which) override {
    detail::scoped_lock lock(mutex_);
    const auto found = by_id_.find(which);
    if (found == by_id_.end()) return false;
    due_.erase(found->second);
    by_id_.erase(found);
    return true;
  }

 private:
  struct pending {
    id number;
    std::move_only_function<void()> work;
  };

  void run() {
    detail::scoped_lock lock(mutex_);
    while (!stopping_) {
      if (due_.empty()) {
        lock.wait(wake_);
        continue;
      }
      const auto next = due_.begin();
      if (next->first > system_clock().now()) {
        lock.wait_until(wake_, next->first);
        continue;
      }
      auto work = std::move(next->second.work);
      by_id_.erase(next->second.number);
      due_.erase(next);
      lock.unlock();
      work();
      lock.lock();
    }
  }

  detail::mutex mutex_;
  std::condition_variable wake_;
  std::multimap<time_point, pending> due_ STRATA_GUARDED_BY(mutex_);
  std::map<id, std::multimap<time_point, pending>::iterator> by_id_ STRATA_GUARDED_BY(mutex_);
  id last_ STRATA_GUARDED_BY(mutex_) = 0;
  bool stopping_ STRATA_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

class background_threads final : public executor {
 public:
  void stop() {
    queue_.close();
    queue_.clear();
    // Joined without the lock: work that still runs may be about to add a thread.
    std::vector<std::thread> threads;
    {
      detail::scoped_lock lock(mutex_);
      threads.swap(threads_);
      stopping_ = true;
    }
    for (auto& each : threads) each.join();
  }

  void post(std::move_only_function<void()> work) override {
    if (queue_.post(std::move(work)) == queue::posted::closed) return;
    if (queue_.idle() == 0) add_thread();
  }

 private:
  using queue = detail::work_queue<std::move_only_function<void()>>;
  static constexpr std::size_t limit = 4;

  void add_thread() {
    detail::scoped_lock lock(mutex_);
    if (stopping_ || threads_.size() >= limit) return;
    threads_.emplace_back([this] {
      while (auto work = queue_.take()) (*work)();
    });
  }

  queue queue_;
  detail::mutex mutex_;
  std::vector<std::thread> threads_ STRATA_GUARDED_BY(mutex_);
  bool stopping_ STRATA_GUARDED_BY(mutex_) = false;
};

/// One `T` for as long as the process lives, stopped at its end.
template <class T>
T& lasting() {
  struct holder {
    T* const held = new T;  // NOLINT(cppcoreguidelines-owning-memory): see above
    ~holder() { held->stop(); }
  };
  static holder instance;
  return *instance.held;
}

}  // namespace

timers& system_timers() {
  return lasting<thread_timers>();
}

executor& system_background() {
  return lasting<background_threads>();
}

}  // namespace strata
