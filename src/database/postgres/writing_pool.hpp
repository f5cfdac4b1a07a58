#pragma once
/// Connections that write, each lent to one transaction at a time.
///
/// Who holds a connection has a *loan*, a number. It travels with the work, as the turn of SQLite
/// does: wherever a task is abandoned, the loan's destructor gives the connection back, and what was
/// left open is rolled back. A single statement borrows for one batch: BEGIN, the statement and
/// COMMIT leave together. A connection that was given up while it worked is closed, not reused.
/// Threads: the loop's.

#include "database/postgres/reading_pool.hpp"

#include <optional>
#include <unordered_map>

namespace strata::detail {

class client;

/// The right to use one connection for writing; zero or moved from: none.
class writer_loan {
 public:
  writer_loan() = default;
  writer_loan(std::shared_ptr<client> from, std::uint64_t number) : from_(std::move(from)), number_(number) {}
  writer_loan(writer_loan&& other) noexcept
      : from_(std::move(other.from_)), number_(std::exchange(other.number_, 0)) {}
  writer_loan& operator=(writer_loan&&) = delete;
  ~writer_loan() { end(); }

  /// Gives the connection back. Idempotent.
  void end();
  std::uint64_t number() const noexcept { return number_; }

 private:
  std::shared_ptr<client> from_;
  std::uint64_t number_ = 0;
};

/// A batch for one connection, or the wish for one.
struct write_job {
  std::uint64_t loan = 0;  ///< whose connection; 0: any free one, for this batch only
  std::vector<command_ptr> commands;
  bool ends_loan = false;  ///< COMMIT or ROLLBACK
  bool unlimited = false;  ///< a script has no time limit
  unsigned tries = 0;      ///< how often it has run
  time_point deadline = time_point::max();
  std::shared_ptr<one_shot<result<writer_loan>>> borrower;  ///< wants a loan and sends nothing
  std::shared_ptr<one_shot<result<sql_rows>>> waiter;       ///< gets the last statement's rows
  /// The results of the reads after COMMIT, in order. The driver owns it until the waiter is resumed.
  std::shared_ptr<std::vector<result<sql_rows>>> read_back;
};
/// How often a single statement runs when other writers are faster, e.g. in a deadlock.
inline constexpr unsigned most_tries = 4;
/// How long a connection that refuses writes is used before another is tried.
inline constexpr duration refusal_pause = std::chrono::seconds(1);
using write_job_ptr = std::unique_ptr<write_job>;

class writing_pool final : public pipelined_connection::owner {
 public:
  writing_pool(pool_parts& parts, std::function<writer_loan(std::uint64_t)> lend);

  void add(write_job_ptr job);
  void give_back(std::uint64_t loan);
  void pump();
  void sweep(time_point now);
  bool needs_time() const noexcept;
  void close(const error& why);

 private:
  struct pool_slot {
    std::shared_ptr<pipelined_connection> up;
    bool dialing = false;
    time_point connected_at;
    std::uint64_t loan = 0;  ///< who has it
    time_point lent_at;
    write_job_ptr job;  ///< what it is doing; its commands come back as they are answered
    std::optional<error> failed;
    sql_rows rows;
    bool rolling_back = false;  ///< cleans up before the next job
    bool available() const noexcept { return up && loan == 0 && !job && !rolling_back; }
  };

  void answered(pipelined_connection& from, command_ptr of, result<sql_rows> rows) override;
  void again(pipelined_connection& from, command_ptr of) override;
  void synced(pipelined_connection& from) override;
  void lost(pipelined_connection& from, const error& why) override;

  void dial_missing();
  void drop_refusing(time_point now);
  void connected(std::size_t which, result<connection_handle> made);
  void run(pool_slot& on, write_job_ptr job);
  void lend_to(pool_slot& which, write_job& job);
  void finish(pool_slot& which);
  void clean_up(pool_slot& which);
  void drop(pool_slot& which, const error& why);
  void refuse_waiting(const error& why);
  pool_slot* slot_of(const pipelined_connection& which);
  pool_slot* slot_of_loan(std::uint64_t number);
  static void complete(write_job& job, result<sql_rows> rows);

  pool_parts* parts_;
  std::function<writer_loan(std::uint64_t)> lend_;
  std::vector<pool_slot> slots_;
  std::deque<write_job_ptr> waiting_;
  std::unordered_map<std::uint64_t, error> ended_;  ///< loans whose connection is gone, until given back
  std::uint64_t last_loan_ = 0;
};

}  // namespace strata::detail
