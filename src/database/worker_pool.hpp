#pragma once
/// Threads that run database jobs, each with a connection of its own, and the awaitable that hands
/// a task's work to them and resumes the task on its executor.
/// Threads: internally locked.

#include "core/mutex.hpp"
#include "database/sqlite_connection.hpp"

#include <strata/task.hpp>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

namespace strata::detail {

/// Runs jobs in the order they were posted, one at a time a connection.
class worker_pool {
 public:
  using job = std::move_only_function<void(sqlite_connection&)>;
  enum class posted { yes, full, closed };

  /// `limit`: how many jobs may wait.
  worker_pool(std::vector<std::unique_ptr<sqlite_connection>> connections, unsigned limit);
  ~worker_pool();

  posted post(job work);
  /// Posts although the queue is full: for what frees a resource. False if the pool is closed.
  bool post_always(job work);

  /// Runs what waits, refuses what comes, ends the threads and closes the connections. Idempotent.
  void close();

 private:
  /// Shared with the threads: a job may drop the last reference to the pool from one of them.
  struct state {
    mutex guard;
    std::condition_variable woken;
    std::deque<job> waiting STRATA_GUARDED_BY(guard);
    bool closed STRATA_GUARDED_BY(guard) = false;
  };
  static void work(const std::shared_ptr<state>& shared, std::unique_ptr<sqlite_connection> connection);

  std::shared_ptr<state> state_;
  unsigned limit_;
  std::vector<std::thread> threads_;
};

/// `co_await offload(pool, work)`: runs `work(connection)` on a thread of the pool and gives what it
/// returned, a `result`. Errors besides: busy (the queue is full), database_unavailable (closed).
/// A task that is destroyed while it waits is not resumed; its work is skipped if it has not begun.
template <class Work>
class offload {
 public:
  using value_type = std::invoke_result_t<Work&, sqlite_connection&>;

  offload(worker_pool& pool, Work work) : pool_(pool), shared_(std::make_shared<shared>(std::move(work))) {}
  offload(const offload&) = delete;
  offload& operator=(const offload&) = delete;
  ~offload() {
    // What the work left behind must not wait for the executor: it may hold the turn to write.
    if (shared_->now.exchange(phase::abandoned) == phase::finished) shared_->outcome.reset();
  }

  bool await_ready() const noexcept { return false; }

  template <class P>
  bool await_suspend(std::coroutine_handle<P> handle) {
    auto* const where = executor_of(handle);
    const auto kept = shared_;
    kept->waiter = handle;
    const auto posted = pool_.post([kept, where](sqlite_connection& connection) {
      kept->run(connection);
      if (where == nullptr) {
        kept->resume();
      } else {
        where->post([kept] { kept->resume(); });
      }
    });
    // Once posted, the task may go on elsewhere: nothing of `this` is touched.
    if (posted == worker_pool::posted::yes) return true;
    kept->work.reset();
    kept->outcome.emplace(posted == worker_pool::posted::full
                              ? value_type(fail(errc::busy, "too many database jobs are waiting"))
                              : value_type(fail(errc::database_unavailable, "the database is closed")));
    return false;
  }

  value_type await_resume() {
    auto outcome = std::move(*shared_->outcome);
    if (!outcome) std::rethrow_exception(outcome.error());
    return std::move(*outcome);
  }

 private:
  enum class phase { waiting, finished, abandoned };

  struct shared {
    explicit shared(Work given) : work(std::move(given)) {}

    void run(sqlite_connection& connection) {
      if (now.load() != phase::abandoned) {
        try {
          outcome.emplace((*work)(connection));
        } catch (...) {
          outcome.emplace(std::unexpected(std::current_exception()));
        }
      }
      work.reset();  // what it owns ends here, on the connection's thread
      auto expected = phase::waiting;
      if (!now.compare_exchange_strong(expected, phase::finished)) outcome.reset();
    }
    void resume() {
      if (now.load() == phase::finished) waiter.resume();
    }

    std::coroutine_handle<> waiter;
    std::atomic<phase> now = phase::waiting;
    std::optional<Work> work;
    std::optional<completion<value_type>> outcome;  ///< of the worker while waiting, else of the task
  };

  worker_pool& pool_;
  std::shared_ptr<shared> shared_;
};

}  // namespace strata::detail
