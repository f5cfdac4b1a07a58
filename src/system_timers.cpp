#include <strata/timer.hpp>

#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

namespace strata {

namespace {

// Both of these are stopped when the process ends, and never destroyed: other threads may still be at work
// then, of a cache that a static object owns or of a store's connection, and call them. What they are given
// from then on is not done.

class thread_timers final : public timers {
 public:
  void stop() {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_one();
    if (thread_.joinable()) thread_.join();
  }

  id at(time_point when, std::move_only_function<void()> work) override {
    std::lock_guard lock(mutex_);
    const id number = ++last_;
    if (stopping_) return number;
    if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
    const auto place = due_.emplace(when, pending{number, std::move(work)});
    by_id_.emplace(number, place);
    if (place == due_.begin()) wake_.notify_one();
    return number;
  }

  bool cancel(id which) override {
    std::lock_guard lock(mutex_);
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
    std::unique_lock lock(mutex_);
    while (!stopping_) {
      if (due_.empty()) {
        wake_.wait(lock);
        continue;
      }
      const auto next = due_.begin();
      if (next->first > system_clock().now()) {
        wake_.wait_until(lock, next->first);
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

  std::mutex mutex_;
  std::condition_variable wake_;
  std::multimap<time_point, pending> due_;
  std::map<id, std::multimap<time_point, pending>::iterator> by_id_;
  id last_ = 0;
  bool stopping_ = false;
  std::thread thread_;
};

class background_threads final : public executor {
 public:
  void stop() {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_all();
    for (auto& each : threads_) each.join();  // no more are made
  }

  void post(std::move_only_function<void()> work) override {
    std::lock_guard lock(mutex_);
    if (stopping_) return;
    queue_.push_back(std::move(work));
    if (idle_ == 0 && threads_.size() < limit) threads_.emplace_back([this] { run(); });
    wake_.notify_one();
  }

 private:
  static constexpr std::size_t limit = 4;

  void run() {
    std::unique_lock lock(mutex_);
    for (;;) {
      ++idle_;
      wake_.wait(lock, [&] { return stopping_ || !queue_.empty(); });
      --idle_;
      if (stopping_) return;
      auto work = std::move(queue_.front());
      queue_.pop_front();
      lock.unlock();
      work();
      lock.lock();
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::move_only_function<void()>> queue_;
  std::vector<std::thread> threads_;
  std::size_t idle_ = 0;
  bool stopping_ = false;
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
