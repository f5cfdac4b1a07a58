#pragma once
/// The driver: one thread with an event loop, a pool that reads and a pool that writes. Tasks hand
/// their statements over and are resumed where they were; no call blocks its thread.
/// Threads: any, but where it says otherwise.

#include "core/mutex.hpp"
#include "database/postgres/writing_pool.hpp"

#include <memory>
#include <optional>
#include <thread>
#include <vector>

namespace strata::detail {

class client : public std::enable_shared_from_this<client> {
 public:
  /// Connects once, on this thread, so that what is wrong is found now; then starts.
  /// Errors: database_unavailable with PostgreSQL's reason. Requires: `problems_of(options)` is empty.
  static result<std::shared_ptr<client>> open(postgres_options options);
  ~client();

  /// Ends every waiting task with database_unavailable, and the thread. Idempotent.
  void close();

  /// Takes a reading statement with its waiter. Returns an immediate error: busy, closed.
  std::optional<result<sql_rows>> submit(command_ptr next);
  /// Takes a batch. Returns the error if it cannot.
  std::optional<error> submit(write_job_ptr job);
  void give_back(std::uint64_t loan);

  const postgres_options& options() const noexcept { return options_; }
  time_point deadline() const { return std::chrono::steady_clock::now() + options_.statement_timeout; }

 private:
  struct machine;
  explicit client(postgres_options options);
  std::optional<error> refusal() STRATA_REQUIRES(guard_);
  void wake() STRATA_REQUIRES(guard_);
  void drain();

  const postgres_options options_;
  std::atomic<std::size_t> waiting_{0};
  mutex guard_;
  bool closed_ STRATA_GUARDED_BY(guard_) = false;
  bool woken_ STRATA_GUARDED_BY(guard_) = false;
  std::vector<command_ptr> queries_ STRATA_GUARDED_BY(guard_);
  std::vector<write_job_ptr> jobs_ STRATA_GUARDED_BY(guard_);
  std::vector<std::uint64_t> returned_ STRATA_GUARDED_BY(guard_);
  std::unique_ptr<machine> machine_;
  std::thread thread_;
};

}  // namespace strata::detail
