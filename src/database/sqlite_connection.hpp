#pragma once
/// One connection to an SQLite file: statements with `$n` parameters, a cache of prepared ones, and
/// SQLite's errors in our words.
/// Threads: one at a time.

#include "core/text_hash.hpp"

#include <strata/database.hpp>

#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

struct sqlite3;
struct sqlite3_stmt;

namespace strata::detail {

class sqlite_connection {
 public:
  enum class role { reader, writer };

  /// How many prepared statements a connection keeps; the least recently used goes first.
  static constexpr std::size_t kept_statements = 128;

  /// Opens the file; a writer creates it (readable by its owner only) and puts it into WAL mode.
  /// Errors: database_unavailable with the file's name and SQLite's reason.
  static result<std::unique_ptr<sqlite_connection>> open(const sqlite_options& options, role as);

  ~sqlite_connection();
  sqlite_connection(const sqlite_connection&) = delete;
  sqlite_connection& operator=(const sqlite_connection&) = delete;

  /// Runs one statement to its end. A reader refuses what writes. Transactions, ATTACH and PRAGMA
  /// are refused: they would change the connection under the next job.
  /// Errors: constraint, statement, timeout, busy, invalid_argument, database_unavailable.
  result<sql_rows> run(std::string_view statement, const sql_parameters& parameters);

  /// As `run`, and refuses what writes on a writer, too.
  result<sql_rows> read(std::string_view statement, const sql_parameters& parameters);

  /// Runs every statement of `script`. Requires: a transaction is open.
  result<void> run_script(std::string_view script);

  /// Takes the write lock; waits for another program's for at most the busy timeout.
  result<void> begin();
  /// If it fails, the transaction is rolled back.
  result<void> commit();
  /// Ends the transaction, if one is open.
  void rollback();

  /// PRAGMA data_version: changes when another connection has committed.
  result<std::uint64_t> data_version();

 private:
  struct prepared {
    std::string text;
    sqlite3_stmt* handle = nullptr;
    std::vector<std::size_t> bound;  ///< by SQLite's parameter index - 1: our parameter's index
    std::size_t parameters = 0;      ///< the highest n of `$n`
    prepared() = default;
    prepared(prepared&& other) noexcept;
    prepared& operator=(prepared&&) = delete;
    ~prepared();
  };
  using statement_list = std::list<prepared>;

  /// While it lives, statements are ours. A schema change makes SQLite ask again when one runs.
  struct trusting {
    explicit trusting(sqlite_connection& connection) : in(connection) { in.trusted_ = true; }
    ~trusting() { in.trusted_ = false; }
    sqlite_connection& in;
  };

  sqlite_connection(sqlite3* handle, role as);
  result<void> configure(const sqlite_options& options);
  result<void> enter_wal(duration patience);
  result<prepared*> statement(std::string_view text);
  result<prepared> prepare(std::string_view text, bool keep, std::string_view* rest);
  result<void> bind(prepared& to, const sql_parameters& parameters);
  result<sql_rows> step(prepared& what);
  result<sql_rows> run(prepared& what, const sql_parameters& parameters);
  /// Runs a statement of our own, which `authorize` lets pass. Requires: `text` is a literal.
  result<sql_rows> internal(const char* text);
  std::unexpected<error> failure(int code, std::string_view text) const;

  /// What statements may do, asked by SQLite while it prepares them.
  static int authorize(void* self, int action, const char*, const char*, const char*, const char*);

  sqlite3* handle_;
  role role_;
  bool trusted_ = false;       ///< the statement at hand is ours, not a caller's
  statement_list statements_;  ///< most recently used first
  text_map<std::string_view, statement_list::iterator> by_text_;
  /// Our own statements. Kept apart: a caller's "COMMIT" must not find ours.
  text_map<std::string_view, prepared> own_;
};

}  // namespace strata::detail
