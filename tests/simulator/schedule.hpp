#pragma once
/// Everything that waits for its turn: posted work, timers, and suspended tasks. The world picks the
/// next one.
/// Threads: one.

#include "tests/simulator/random.hpp"

#include <strata/task.hpp>
#include <strata/testing.hpp>
#include <strata/timer.hpp>

#include <algorithm>
#include <coroutine>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <utility>
#include <vector>

namespace strata::simulator {

using step_number = std::uint64_t;

/// Posted work that has not run. A thread runs its work in order, a pool in any order.
class posted_work final : public executor {
 public:
  void post(std::move_only_function<void()> work) override { waiting_.push_back(std::move(work)); }

  std::size_t size() const noexcept { return waiting_.size(); }
  void run(std::size_t which) {
    auto work = std::move(waiting_[which]);
    waiting_.erase(waiting_.begin() + static_cast<std::ptrdiff_t>(which));
    work();
  }

 private:
  std::deque<std::move_only_function<void()>> waiting_;
};

/// Timers that fire one at a time, when they are due and picked.
class picked_timers final : public timers {
 public:
  id at(time_point when, std::move_only_function<void()> work) override {
    armed_.emplace(std::pair(when, ++last_), std::move(work));
    return last_;
  }
  bool cancel(id which) override {
    return std::erase_if(armed_, [&](const auto& each) { return each.first.second == which; }) != 0;
  }

  bool empty() const noexcept { return armed_.empty(); }
  /// Requires: not empty.
  time_point next() const { return armed_.begin()->first.first; }
  void fire() {
    auto work = std::move(armed_.begin()->second);
    armed_.erase(armed_.begin());
    work();
  }

 private:
  std::map<std::pair<time_point, id>, std::move_only_function<void()>> armed_;
  id last_ = 0;
};

/// The clock of one process: the common clock, until the process is dead and only its timers run.
class process_clock final : public clock {
 public:
  explicit process_clock(const clock& all) : all_(all) {}
  time_point now() const noexcept override { return all_.now() + ahead_; }
  wall_time wall() const noexcept override { return all_.wall(); }
  void run_ahead_to(time_point when) noexcept { ahead_ = std::max(ahead_, when - all_.now()); }

 private:
  const clock& all_;
  duration ahead_{};
};

/// Tasks that wait for their turn: `co_await turns.wait(process, not_before)`.
class turns {
 public:
  struct waiting {
    unsigned process;
    time_point not_before;
    std::shared_ptr<strata::detail::suspension> task;
  };

  class awaiter {
   public:
    awaiter(turns& of, unsigned process, time_point not_before)
        : of_(of), process_(process), not_before_(not_before) {}
    awaiter(const awaiter&) = delete;
    awaiter& operator=(const awaiter&) = delete;
    ~awaiter() {
      task_->abandon();
      std::erase_if(of_.waiting_, [&](const waiting& each) { return each.task == task_; });
    }
    bool await_ready() const noexcept { return false; }
    template <class P>
    void await_suspend(std::coroutine_handle<P> task) {
      of_.waiting_.push_back({process_, not_before_, task_});
      task_->suspend(task, strata::detail::executor_of(task));
    }
    void await_resume() const noexcept {}

   private:
    turns& of_;
    unsigned process_;
    time_point not_before_;
    std::shared_ptr<strata::detail::suspension> task_ = std::make_shared<strata::detail::suspension>();
  };
  awaiter wait(unsigned process, time_point not_before) { return {*this, process, not_before}; }

  const std::vector<waiting>& all() const noexcept { return waiting_; }

  /// Posts the task to its executor.
  void go(std::size_t which) {
    const auto next = waiting_[which];
    waiting_.erase(waiting_.begin() + static_cast<std::ptrdiff_t>(which));
    strata::detail::suspension::resume(next.task);
  }

 private:
  std::vector<waiting> waiting_;
};

}  // namespace strata::simulator
