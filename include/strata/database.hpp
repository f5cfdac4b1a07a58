#pragma once
/// The port of the source of truth: statements, rows, transactions. SQLite and PostgreSQL
/// implement it and pass `tests/contract/database_contract.hpp`.
/// Threads: a `database` may be used from any thread; a `transaction` by one task at a time.
/// A task resumes on its caller's executor; no call blocks the caller's thread.
///
/// Statements are SQL with `$1`, `$2`, … for parameters, in the subset that both databases share:
/// TEXT, BIGINT, DOUBLE PRECISION, BOOLEAN as 0/1 integers, JSON as TEXT, times as RFC 3339 TEXT.

#include <strata/error.hpp>
#include <strata/task.hpp>
#include <strata/time.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace strata {

/// A parameter or a column: null, integer, real or text.
using sql_value = std::variant<std::monostate, std::int64_t, double, std::string>;
/// The values of `$1`, `$2`, … in order. A text is UTF-8 without NUL bytes, and no real is NaN.
using sql_parameters = std::vector<sql_value>;

/// A reading statement with its parameters.
struct sql_query {
  std::string statement;
  sql_parameters parameters;
};

/// The tag of all values that were read from `table`. A writer of the table removes it, through
/// `unit_of_work` or from outside.
std::string table_tag(std::string_view table);

/// The result of a statement.
class sql_rows {
 public:
  sql_rows() = default;
  sql_rows(std::vector<std::string> columns, std::vector<std::vector<sql_value>> rows, std::int64_t changed);

  std::size_t size() const noexcept { return rows_.size(); }
  bool empty() const noexcept { return rows_.empty(); }
  const std::vector<std::string>& columns() const noexcept { return columns_; }

  /// The value at `row` and column `name`. Throws std::out_of_range if there is no such row or column.
  const sql_value& at(std::size_t row, std::string_view name) const;
  /// The values of a row, in the order of `columns`. Throws std::out_of_range if there is no such row.
  const std::vector<sql_value>& row(std::size_t index) const { return rows_.at(index); }

  /// How many rows an INSERT, UPDATE or DELETE changed.
  std::int64_t changed() const noexcept { return changed_; }

 private:
  std::vector<std::string> columns_;
  std::vector<std::vector<sql_value>> rows_;
  std::int64_t changed_ = 0;
};

/// An open transaction, serializable against other writers. Destroyed without `commit`, it rolls
/// back. Requires: no cache fill while one is open.
class transaction {
 public:
  virtual ~transaction() = default;
  /// Errors: constraint, statement, invalid_argument, database_unavailable, timeout; contention with
  ///         several writers. After any error only `rollback` or destruction makes sense.
  virtual task<result<sql_rows>> execute(std::string_view statement, sql_parameters parameters) = 0;
  /// Runs a script of statements separated by `;`, without parameters or results: for migrations.
  virtual task<result<void>> run_script(std::string_view script) = 0;
  /// Makes it durable and visible to every query that begins from now on. Errors: as `execute`; then the
  /// transaction is rolled back.
  virtual task<result<void>> commit() = 0;
  /// As `commit`, and then runs `reads` on the committed data, in the same round trip if the database can.
  /// Use it to cache a written row: triggers or later writers may have changed it.
  /// Returns: the rows of each read, or its error; the commit stands in either case.
  virtual task<result<std::vector<result<sql_rows>>>> commit_and_read(std::vector<sql_query> reads) = 0;
  virtual task<result<void>> rollback() = 0;
};

/// A database that holds the source of truth.
class database {
 public:
  virtual ~database() = default;

  /// Runs one reading statement outside any transaction, on a snapshot of committed data.
  /// Errors: statement, invalid_argument, database_unavailable, timeout, busy.
  virtual task<result<sql_rows>> query(std::string_view statement, sql_parameters parameters) = 0;

  /// Runs one writing statement in a transaction of its own; it is durable when the task ends.
  /// With several writers, it changes the latest committed version of each row.
  virtual task<result<sql_rows>> execute(std::string_view statement, sql_parameters parameters) = 0;

  /// Opens a transaction; waits for its turn if the database has one writer.
  virtual task<result<std::unique_ptr<transaction>>> begin() = 0;

  /// As `begin`, after a transaction that failed with `contention`. Of all retrying tasks, one at a time has
  /// a transaction, so that they do not conflict again.
  /// Requires: the caller has ended the transaction before.
  virtual task<result<std::unique_ptr<transaction>>> begin_again() { return begin(); }

  /// Runs a script of statements separated by `;` in one transaction: for migrations.
  virtual task<result<void>> run_script(std::string_view script) = 0;

  /// Changes whenever another program commits to this database, and never for this object's own commits
  /// alone. SQLite supports it at almost no cost; for PostgreSQL a relay reports the writes of others
  /// (relay.hpp). Errors: invalid_argument if the database has no such number.
  virtual task<result<std::uint64_t>> foreign_changes() = 0;

  /// Succeeds if the database can serve now.
  virtual task<result<void>> ping() = 0;

  /// "sqlite" or "postgres".
  virtual std::string_view dialect() const noexcept = 0;
};

/// Options of the embedded database.
struct sqlite_options {
  std::string file;                                 ///< path; created if missing. Its folder must exist.
  unsigned readers = 2;                             ///< reading connections, each with a thread
  duration busy_timeout = std::chrono::seconds(5);  ///< how long a write waits for another program's
  unsigned queue_limit = 4096;                      ///< jobs waiting, above which a call ends with errc::busy
};

/// Opens (or creates) an SQLite database in WAL mode, foreign keys on.
/// Throws bad_options that names every problem.
/// Errors: database_unavailable with the file's name and SQLite's reason.
result<std::shared_ptr<database>> open_sqlite(sqlite_options options);

/// Options of a PostgreSQL server, 15 or newer. A field overrides the URL. A setting given in neither has
/// libpq's default: PGHOST and its like, ~/.pgpass, ~/.postgresql.
struct postgres_options {
  std::string url;         ///< postgres://user@host:5432/database?sslmode=verify-full, or "host=… dbname=…"
  std::string host;        ///< a name, an address, or the folder of a Unix socket
  std::uint16_t port = 0;  ///< 0: not given
  std::string database;
  std::string user;
  std::string password;          ///< never shown in an error
  std::string sslmode;           ///< disable, allow, prefer, require, verify-ca or verify-full
  std::string sslrootcert;       ///< file of the accepted certificate authorities, or "system"
  std::string sslcert;           ///< file of our own certificate
  std::string sslkey;            ///< file of its key
  unsigned readers = 2;          ///< connections that only read, each shared by many queries at once
  unsigned pipeline_depth = 64;  ///< queries in flight on one of them
  unsigned writers = 4;          ///< connections that write, each lent to one transaction at a time
  unsigned queue_limit = 4096;   ///< statements waiting, above which a call ends with errc::busy
  /// How long a statement may take, waiting for a connection included. Scripts are exempt.
  duration statement_timeout = std::chrono::seconds(5);
  /// How long a transaction may be open before it is rolled back: it holds locks and a connection.
  duration transaction_timeout = std::chrono::seconds(30);
  duration connect_timeout = std::chrono::seconds(5);
};

/// Connects to a PostgreSQL server. Transactions are SERIALIZABLE: one that cannot be ordered with the
/// others fails with errc::contention and has no effect; retry it with `begin_again`. Lost connections are
/// reopened in the background. Meanwhile queries wait while the server may still answer, and fail at once
/// when it does not.
/// Throws bad_options that names every problem.
/// Errors: database_unavailable with PostgreSQL's reason. Every error of PostgreSQL keeps its message
///         and SQLSTATE in its detail, and no value.
result<std::shared_ptr<database>> open_postgres(postgres_options options);

}  // namespace strata
