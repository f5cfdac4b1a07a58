#pragma once
/// What a statement's text must be to be cached, and what of it does not matter.
/// Threads: pure functions.

#include "database/sql_scanner.hpp"

#include <strata/error.hpp>

#include <string>
#include <string_view>

namespace strata::detail {

/// `text` with one space for each run of blanks and comments, without a `;` at its end. Texts that mean
/// different things stay different. Errors: statement, unless it is one SELECT or WITH … SELECT that
/// writes nothing.
result<std::string> normalized_query(std::string_view text, sql_dialect dialect);

}  // namespace strata::detail
