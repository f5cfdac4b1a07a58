#pragma once
/// What a parameter may hold, whichever the database.
/// Threads: pure functions.

#include <strata/database.hpp>
#include <strata/error.hpp>

#include <span>

namespace strata::detail {

/// Errors: invalid_argument, with the parameter's number and never its value: a text with a NUL byte or that
/// is not UTF-8, or NaN, which SQLite would store as null.
/// Cost: one pass over the texts.
result<void> check_parameters(std::span<const sql_value> values);

}  // namespace strata::detail
