#pragma once
/// `unit_of_work`: several writes in one transaction, and their effect on the cache.
/// Threads: one task at a time.
///
///   auto work = co_await strata::unit_of_work::begin(database, cache);
///   auto saved = co_await agents.create_in(*work, std::move(agent));
///   auto also = co_await configs.create_in(*work, std::move(config));
///   auto done = co_await work->commit();
///
/// It takes the ticket of every key it writes before COMMIT, reads the rows back behind COMMIT, and stores
/// them in the cache. So no fill that read an old row survives, nothing uncommitted is cached, and the cache
/// holds what the database holds. Reads inside it (`execute`, `load_in`) bypass the cache. A write that fails
/// before COMMIT leaves the cache as it is. Cost: with L2 one round trip before COMMIT and two after,
/// whatever the number of keys.

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

/// The value of one key that the cache shall hold after the commit.
class pending_write {
 public:
  virtual ~pending_write() = default;
  virtual any_key target() const = 0;
  /// The query to run behind COMMIT; nothing: the value is known.
  virtual std::optional<sql_query> read_back() { return std::nullopt; }
  /// The value to cache (null: it does not exist), or nothing if `rows`, those of read_back, do not give it.
  virtual std::optional<any_value> value(const result<sql_rows>& rows) = 0;
};

template <class T>
class pending_value : public pending_write {
 public:
  pending_value(typed_key<T> key, std::shared_ptr<const T> value)
      : key_(std::move(key)), value_(std::move(value)) {}
  any_key target() const override {
    return {key_.key, key_.policy, key_.type, &value_type_of<T>, key_.options.at_least, key_.options.bypass};
  }
  std::optional<any_value> value(const result<sql_rows>&) override { return std::move(value_); }

 private:
  typed_key<T> key_;
  std::shared_ptr<const T> value_;
};

/// Builds a value (null: not found) from the rows of a read.
template <class T>
using row_reader = result<std::shared_ptr<const T>> (*)(const sql_rows&);

template <class T>
class pending_row final : public pending_value<T> {
 public:
  pending_row(typed_key<T> key, sql_query read, row_reader<T> make)
      : pending_value<T>(std::move(key), nullptr), read_(std::move(read)), make_(make) {}
  std::optional<sql_query> read_back() override { return std::move(read_); }
  std::optional<any_value> value(const result<sql_rows>& rows) override {
    if (!rows) return std::nullopt;
    auto made = make_(*rows);
    if (!made) return std::nullopt;
    return any_value(std::move(*made));
  }

 private:
  sql_query read_;
  row_reader<T> make_;
};

}  // namespace detail

/// Several writes in one transaction, and their effect on the cache. Destroyed without
/// `commit`, it rolls back and the cache stays as it is.
class unit_of_work {
 public:
  /// Opens the transaction; waits for its turn if the database has one writer.
  /// Lifetime: `source` and `target` outlive the unit of work.
  static task<result<unit_of_work>> begin(database& source, cache& target);
  /// As `begin`, after one that failed with contention. As `database::begin_again`.
  static task<result<unit_of_work>> begin_again(database& source, cache& target);

  unit_of_work(unit_of_work&&) noexcept;
  unit_of_work& operator=(unit_of_work&&) noexcept;
  ~unit_of_work();

  /// Runs one statement in the transaction. As `transaction::execute`. Declare its writes with
  /// `put`, `forget` and `changes`.
  task<result<sql_rows>> execute(std::string_view statement, sql_parameters parameters);

  /// After the commit the cache holds `value` (null: not found) under `key`.
  /// The last call for a key counts.
  template <class T>
  void put(typed_key<T> key, std::shared_ptr<const T> value) {
    record(std::make_unique<detail::pending_value<T>>(std::move(key), std::move(value)));
  }

  /// As `put`, with the value that `make` builds from the rows of `read` after the COMMIT.
  template <class T>
  void put_read_back(typed_key<T> key, sql_query read, detail::row_reader<T> make) {
    record(std::make_unique<detail::pending_row<T>>(std::move(key), std::move(read), make));
  }

  /// After the commit the cache holds nothing under `key`: for rows that the database itself
  /// changes, e.g. ON DELETE CASCADE.
  void forget(strata::key key);

  /// After the commit, values that were read from `table` before it are not served: results of queries on it,
  /// and all values with `table_tag(table)`. Repositories call this for their own table.
  void changes(std::string_view table);

  /// Commits, then changes the cache. When the task ends, no reader gets an old value.
  /// Errors: constraint, timeout, database_unavailable: the cache then drops all written keys,
  ///         because the commit may have reached the database.
  /// Cancel: a dropped commit may still reach the database; the cache drops all written keys and tables at
  ///         once. If it reaches the database later, a read in between may keep an old row until its ttl
  ///         ends, unless a relay reports the commit.
  task<result<void>> commit();

  task<result<void>> rollback();

 private:
  /// Invalidates what a commit may have changed whose task was dropped.
  class unfinished_commit {
   public:
    explicit unfinished_commit(unit_of_work& of) noexcept : of_(&of) {}
    unfinished_commit(const unfinished_commit&) = delete;
    unfinished_commit& operator=(const unfinished_commit&) = delete;
    ~unfinished_commit();
    void ended() noexcept { of_ = nullptr; }

   private:
    unit_of_work* of_;
  };

  unit_of_work(cache& target, std::unique_ptr<transaction> open);
  void record(std::unique_ptr<detail::pending_write> write);
  std::vector<key> written_keys() const;
  task<result<std::vector<result<sql_rows>>>> commit_and_read();
  task<> update_cache(std::vector<cache::write_ticket> tickets, std::vector<result<sql_rows>> rows);

  cache* cache_;
  std::unique_ptr<transaction> transaction_;
  std::vector<std::unique_ptr<detail::pending_write>> writes_;
  std::vector<key> forgotten_;
  std::vector<std::string> tags_;  ///< of the tables that were written
};

/// How often `in_transaction` tries: of six writers of one row, one wins each time, so that an unlucky one
/// loses 16 times in a row in one of 20 cases, and 64 times in a row in one of 100,000.
inline constexpr unsigned most_attempts = 64;

/// Runs `attempt` with a unit of work, and again with a new one while another transaction was faster
/// (errc::contention), at most `most_attempts` times. `attempt(unit_of_work)` is a task of a
/// result and commits by itself; its other effects must be idempotent.
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
