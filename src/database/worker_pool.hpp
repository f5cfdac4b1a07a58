#pragma once
/// Threads that run database jobs, each with a connection of its own, and the hand-over of a task's
/// work to them.
/// Threads: internally locked.

#include "async/one_shot.hpp"
#include "async/work_queue.hpp"
#include "database/sqlite_connection.hpp"

#include <strata/task.hpp>

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
  using posted = work_queue<job>::posted;

  /// `limit`: how many jobs may wait.
  worker_pool(std::vector<std::unique_ptr<sqlite_connection>> connections, unsigned limit);
  ~worker_pool();

  posted post(job work) {
    const auto queue = queue_;  // the job may drop the last reference to the pool before this returns
    return queue->post(std::move(work), limit_);
  }
  /// Posts although the queue is full: for work that frees a resource. False if the pool is closed.
  bool post_always(job work) {
    const auto queue = queue_;
    return queue->post(std::move(work)) == posted::yes;
  }

  /// Runs what waits, refuses what comes, ends the threads and closes the connections. Idempotent.
  void close();

 private:
  /// Shared with the threads: a job may drop the last reference to the pool from one of them.
  std::shared_ptr<work_queue<job>> queue_ = std::make_shared<work_queue<job>>();
  unsigned limit_;
  std::vector<std::thread> threads_;
};

/// `co_await offload(pool, work)` runs `work(connection)`, which returns a `result`, on a thread of the
/// pool, unless the waiting task is destroyed before. It is a `completion` with the result or exception of
/// `work`. Errors besides: busy (the queue is full), database_unavailable (closed).
template <class Work>
auto offload(worker_pool& pool, Work work) {
  using value_type = std::invoke_result_t<Work&, sqlite_connection&>;
  using outcome = completion<value_type>;
  const auto shot = std::make_shared<one_shot<outcome>>();
  auto job = [shot, work = std::optional<Work>(std::move(work))](sqlite_connection& connection) mutable {
    std::optional<outcome> found;
    if (shot->is_wanted()) {
      try {
        found.emplace((*work)(connection));
      } catch (...) {
        found.emplace(std::unexpected(std::current_exception()));
      }
    }
    work.reset();  // what it owns ends here, on the connection's thread
    if (found) shot->set(std::move(*found));
  };
  return shot->wait_for([&pool, job = std::move(job)]() mutable -> std::optional<outcome> {
    switch (pool.post(std::move(job))) {
      case worker_pool::posted::full:
        return value_type(fail(errc::busy, "too many database jobs are waiting"));
      case worker_pool::posted::closed:
        return value_type(fail(errc::database_unavailable, "the database is closed"));
      default:
        return std::nullopt;
    }
  });
}

}  // namespace strata::detail
