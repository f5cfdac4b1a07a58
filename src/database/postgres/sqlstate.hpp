#pragma once
/// PostgreSQL's errors in our words (manual, appendix A).
/// Threads: pure functions.

#include <strata/error.hpp>

#include <string_view>

namespace strata::detail {

/// What an SQLSTATE of five characters means to a caller.
errc kind_of(std::string_view sqlstate);

/// True if no statement can follow this error on its connection.
bool ends_connection(std::string_view sqlstate);

/// True if the prepared statement is not, or no longer, what its text would be; `raised_in` is the
/// server's function that said so. The text itself may be right: prepare it anew.
bool is_stale_plan(std::string_view sqlstate, std::string_view raised_in);

/// True if a session that should write is read-only, or its server is a standby; `begins`: BEGIN has failed,
/// as that of a serializable transaction does on a standby.
bool is_refused_write(std::string_view sqlstate, bool begins);

/// True if a standby cannot read an unlogged table.
bool is_standby(std::string_view sqlstate, std::string_view raised_in);

/// "duplicate key value violates unique constraint "a_pkey" (SQLSTATE 23505, in: INSERT …)".
/// Quotes nothing that a parameter held.
error database_error(std::string_view sqlstate, std::string_view message, std::string_view statement);

}  // namespace strata::detail
