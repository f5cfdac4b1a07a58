#pragma once
/// `unit_of_work`: several writes in one transaction, and what they change in the cache.
/// Threads: one task at a time.
///
///   auto work = co_await strata::unit_of_work::begin(database, cache);
///   auto saved = co_await agents.create_in(*work, std::move(agent));
///   auto also = co_await configs.create_in(*work, std::move(config));
///   auto done = co_await work->commit();
///
/// It takes the ticket of every key it writes before COMMIT and hands the committed values to the
/// cache after it, so no fill that read an old row can survive, and nothing uncommitted is ever
/// cached. A write that fails before COMMIT leaves the cache as it is.

#include <strata/cache.hpp>
#include <strata/database.hpp>

#include <memory>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace strata {

namespace detail {

/// What the cache is to hold under one key once a transaction has committed.
class pending_write {
 public:
  explicit pending_write(strata::key where) : where_(std::move(where)) {}
  virtual ~pending_write() = default;
  const strata::key& where() const noexcept { return where_; }
  virtual task<> before_commit(cache& target) = 0;
  virtual task<> after_commit(cache& target) = 0;

 private:
  strata::key where_;
};

template <class T>
class pending_value final : public pending_write {
 public:
  pending_value(typed_key<T> where, std::shared_ptr<const T> value)
      : pending_write(where.key), typed_(std::move(where)), value_(std::move(value)) {}
  task<> before_commit(cache& target) override { ticket_.emplace(co_await target.begin_write(typed_)); }
  task<> after_commit(cache& target) override {
    co_await target.set_committed(std::move(*ticket_), typed_, std::move(value_));
  }

 private:
  typed_key<T> typed_;
  std::shared_ptr<const T> value_;
  std::optional<cache::write_ticket> ticket_;
};

}  // namespace detail

/// Several writes in one transaction, and what they change in the cache. Destroyed without
/// `commit`, it rolls back and the cache stays as it is.
class unit_of_work {
 public:
  /// Opens the transaction; waits its turn where the database has one writer.
  /// Lifetime: `source` and `target` outlive the unit of work.
  static task<result<unit_of_work>> begin(database& source, cache& target);
  /// As `begin`, after one that ended with contention. As `database::begin_again`.
  static task<result<unit_of_work>> begin_again(database& source, cache& target);

  unit_of_work(unit_of_work&&) noexcept;
  unit_of_work& operator=(unit_of_work&&) noexcept;
  ~unit_of_work();

  /// Runs one statement in the transaction. As `transaction::execute`.
  task<result<sql_rows>> execute(std::string_view statement, sql_parameters parameters);

  /// After the commit the cache holds `value` (null: that there is none) under `where`.
  /// The last call for a key counts.
  template <class T>
  void put(typed_key<T> where, std::shared_ptr<const T> value) {
    record(std::make_unique<detail::pending_value<T>>(std::move(where), std::move(value)));
  }

  /// After the commit the cache holds nothing under `where`: for rows that the database itself
  /// changes, e.g. ON DELETE CASCADE.
  void forget(key where);

  /// Commits, then changes the cache. When the task ends, no reader gets what was there before.
  /// Requires: the task is not abandoned, or the cache keeps what was there until it expires.
  /// Errors: constraint, timeout, database_unavailable: the cache then forgets every key that was
  ///         written, for the commit may have reached the database.
  task<result<void>> commit();

  task<result<void>> rollback();

 private:
  unit_of_work(cache& target, std::unique_ptr<transaction> open);
  void record(std::unique_ptr<detail::pending_write> write);
  std::vector<key> written_keys() const;

  cache* cache_;
  std::unique_ptr<transaction> transaction_;
  std::vector<std::unique_ptr<detail::pending_write>> writes_;
  std::vector<key> forgotten_;
};

/// How often `in_transaction` tries: of six writers of one row one wins each time, so that an unlucky one
/// loses 16 times in a row every twentieth time, 64 times once in 100,000.
inline constexpr unsigned most_attempts = 64;

/// Runs `attempt` with a unit of work, and again with a new one while another transaction was faster
/// (errc::contention), at most `most_attempts` times. `attempt(unit_of_work)` is a task of a
/// result and commits by itself; what it does besides writing must bear being done again.
/// Returns: what `attempt` returned last.   Errors: as `begin` besides.
/// Lifetime: `source` and `target` outlive the task.
template <class Attempt>
std::invoke_result_t<Attempt&, unit_of_work> in_transaction(database& source, cache& target,
                                                            Attempt attempt) {
  for (unsigned tries = 1;; ++tries) {
    auto begun = tries == 1 ? unit_of_work::begin(source, target) : unit_of_work::begin_again(source, target);
    auto work = co_await std::move(begun);
    if (!work) co_return std::unexpected(std::move(work.error()));
    auto running = attempt(std::move(*work));
    auto done = co_await std::move(running);
    if (done || done.error().code != errc::contention || tries == most_attempts) co_return done;
  }
}

}  // namespace strata
