#pragma once
/// What a statement's text tells before a server sees it: its first words, its highest `$n`, and
/// where a script's statements end. PostgreSQL's lexical rules (manual, 4.1).
/// Threads: pure functions.

#include <strata/error.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace strata::detail {

/// One statement of a text. Lifetime: the text.
struct sql_statement {
  std::string_view text;       ///< without comments and blanks around it, without its `;`
  std::string first;           ///< its first word in capitals, or "("; empty: there is no statement
  std::string second;          ///< its second word in capitals; empty if something else comes next
  std::size_t parameters = 0;  ///< the highest n of `$n`
};

/// The statements of `script` in order, empty ones left out. `;` within strings, comments,
/// parentheses and BEGIN ATOMIC bodies separates nothing. Cost: one pass.
std::vector<sql_statement> statements_of(std::string_view script);

/// Where a statement is to run, which decides what it may be.
enum class sql_place { query, execute, transaction, script };

/// Nothing if `what` may run in `where`. Refused is what opens or ends transactions, what would
/// change the session under the next statement, COPY, and in `query` what does not begin as a
/// reading statement does (the session is read only besides). Errors: statement.
result<void> admit(const sql_statement& what, sql_place where);

/// The one statement of `text`, admitted. Errors: statement; also if `given` is not the number of
/// its parameters.
result<sql_statement> only_statement(std::string_view text, std::size_t given, sql_place where);

}  // namespace strata::detail
