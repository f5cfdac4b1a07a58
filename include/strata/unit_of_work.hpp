#pragma once
/// `unit_of_work`: several writes in one transaction, and what they change in the cache.
/// Threads: one task at a time.
///
///   auto work = co_await strata::unit_of_work::begin(database, cache);
///   auto saved = co_await agents.create_in(*work, std::move(agent));
///   auto also = co_await configs.create_in(*work, std::move(config));
///   auto done = co_await work->commit();
///
/// It takes the ticket of every key it writes before COMMIT, reads the rows back behind it, and hands
/// those to the cache: no fill that read an old row can survive, nothing uncommitted is ever cached, and
/// what is cached is what the database says. Reads inside it (`execute`, `load_in`) pass by the cache and
/// fill nothing. A write that fails before COMMIT leaves the cache as it is.

#include <strata/cache.hpp>
#include <strata/database.hpp>

#include <memory>
#include <optional>
#include <string>
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
  /// What is to be read behind COMMIT; nothing: the value is known.
  virtual std::optional<sql_query> read_back() { return std::nullopt; }
  /// `rows`: of read_back, or null. Returns whether the cache holds what it should.
  virtual task<bool> after_commit(cache& target, const result<sql_rows>* rows) = 0;

 private:
  strata::key where_;
};

template <class T>
class pending_value : public pending_write {
 public:
  pending_value(typed_key<T> where, std::shared_ptr<const T> value)
      : pending_write(where.key), typed_(std::move(where)), value_(std::move(value)) {}
  task<> before_commit(cache& target) override { ticket_.emplace(co_await target.begin_write(typed_)); }
  task<bool> after_commit(cache& target, const result<sql_rows>*) override {
    co_await target.set_committed(std::move(*ticket_), typed_, std::move(value_));
    co_return true;
  }

 protected:
  void set_value(std::shared_ptr<const T> value) { value_ = std::move(value); }

 private:
  typed_key<T> typed_;
  std::shared_ptr<const T> value_;
  std::optional<cache::write_ticket> ticket_;
};

/// Makes a value (null: there is none) of rows that were read.
template <class T>
using row_reader = result<std::shared_ptr<const T>> (*)(const sql_rows&);

template <class T>
class pending_row final : public pending_value<T> {
 public:
  pending_row(typed_key<T> where, sql_query read, row_reader<T> make)
      : pending_value<T>(std::move(where), nullptr), read_(std::move(read)), make_(make) {}
  std::optional<sql_query> read_back() override { return std::move(read_); }
  task<bool> after_commit(cache& target, const result<sql_rows>* rows) override {
    if (rows == nullptr || !*rows) return task<bool>(false);
    auto made = make_(**rows);
    if (!made) return task<bool>(false);
    this->set_value(std::move(*made));
    return pending_value<T>::after_commit(target, nullptr);
  }

 private:
  sql_query read_;
  row_reader<T> make_;
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

  /// Runs one statement in the transaction. As `transaction::execute`. What it writes is to be told by
  /// `put`, `forget` and `changes`.
  task<result<sql_rows>> execute(std::string_view statement, sql_parameters parameters);

  /// After the commit the cache holds `value` (null: that there is none) under `where`.
  /// The last call for a key counts.
  template <class T>
  void put(typed_key<T> where, std::shared_ptr<const T> value) {
    record(std::make_unique<detail::pending_value<T>>(std::move(where), std::move(value)));
  }

  /// As `put`, of what `make` makes of the rows that `read` finds behind the COMMIT.
  template <class T>
  void put_read_back(typed_key<T> where, sql_query read, detail::row_reader<T> make) {
    record(std::make_unique<detail::pending_row<T>>(std::move(where), std::move(read), make));
  }

  /// After the commit the cache holds nothing under `where`: for rows that the database itself
  /// changes, e.g. ON DELETE CASCADE.
  void forget(key where);

  /// After the commit nothing is served that was read from `table` before it: the results of queries
  /// that depend on it, and all that carries `table_tag(table)`. Repositories say so of theirs.
  void changes(std::string_view table);

  /// Commits, then changes the cache. When the task ends, no reader gets what was there before.
  /// Requires: the task is not abandoned, or the cache keeps what was there until it expires.
  /// Errors: constraint, timeout, database_unavailable: the cache then forgets all that was
  ///         written, for the commit may have reached the database.
  task<result<void>> commit();

  task<result<void>> rollback();

 private:
  unit_of_work(cache& target, std::unique_ptr<transaction> open);
  void record(std::unique_ptr<detail::pending_write> write);
  std::vector<key> written_keys() const;
  task<result<std::vector<result<sql_rows>>>> commit_and_read();
  task<> tell(std::vector<result<sql_rows>> rows);

  cache* cache_;
  std::unique_ptr<transaction> transaction_;
  std::vector<std::unique_ptr<detail::pending_write>> writes_;
  std::vector<key> forgotten_;
  std::vector<std::string> tags_;  ///< of the tables that were written
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
