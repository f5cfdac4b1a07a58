#pragma once
/// Checks and normalises the text of a statement that is to be cached.
/// Threads: pure functions.

#include "database/sql_scanner.hpp"

#include <strata/error.hpp>

#include <string>
#include <string_view>

namespace strata::detail {

/// `text` with one space for each run of blanks and comments, and without a trailing `;`. Texts with
/// different meanings stay different. Errors: statement, unless it is one SELECT or WITH … SELECT that
/// writes nothing.
result<std::string> normalized_query(std::string_view text, sql_dialect dialect);

}  // namespace strata::detail
