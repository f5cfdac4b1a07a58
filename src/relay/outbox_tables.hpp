#pragma once
/// What the database knows about the outbox's tables and rules.
/// Threads: free functions; one task at a time uses the transaction.

#include "relay/outbox_sql.hpp"
#include "relay/rule_function.hpp"

#include <strata/database.hpp>
#include <strata/error.hpp>
#include <strata/outbox.hpp>
#include <strata/task.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace strata::relay_detail {

/// The transaction for the outbox's own statements: one at a time in the whole database.
task<result<std::unique_ptr<transaction>>> begin_alone(database& target);

/// The installed version of the schema; empty: none is installed.
task<result<std::string>> version_of(transaction& open);

/// The schema in which the triggers of an outbox run although `strata_outbox` is missing; empty: there is
/// none. So somebody has renamed it.
task<result<std::string>> renamed_schema(transaction& open);
std::string renamed_problem(std::string_view schema);

/// A table of the database, and the triggers it needs.
struct found_table {
  std::int64_t oid = 0;
  named_table named;
  bool needs_rows = false;  ///< statement triggers would not see everything
  std::vector<std::string> columns;
  std::vector<std::string> by_output;   ///< columns whose cast to text is not their output
  std::vector<std::string> by_session;  ///< columns whose text depends on the session that reads them

  /// The columns of a rule, as its function reads them.
  std::vector<named_column> named_columns(const std::vector<std::string>& names) const;
};

/// Errors: not_found; invalid_argument: it is not a table.
task<result<found_table>> find_table(transaction& open, std::string name);

/// The current rule of a table, and how many of its triggers are enabled.
struct present_rule {
  std::int64_t id = 0;
  outbox_rule rule;
  std::vector<std::string> columns;
  std::int64_t enabled = 0;
  std::int64_t wanted = 0;   ///< triggers
  bool is_outdated = false;  ///< its function is of an older version
  bool is_ours = false;      ///< this role may replace its function
};

/// The rules of tables that exist; `oid`: of this one only.
task<result<std::vector<present_rule>>> find_rules(transaction& open, std::optional<std::int64_t> oid = {});

/// A fault that keeps the outbox from recording changes exactly, or at all.
struct outbox_problem {
  std::int64_t rule = 0;  ///< 0: of the outbox itself
  std::string table;
  std::string text;
  bool is_blind = false;  ///< changes leave no trace: nothing may be served that they could have changed
};

/// Finds such faults, one a row. It takes no parameters.
std::string problem_statement();
std::vector<outbox_problem> problems_in(const sql_rows& rows);

}  // namespace strata::relay_detail
