#include "database/postgres/sql_text.hpp"

#include "core/text.hpp"
#include "database/sql_scanner.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace strata::detail {

namespace {

std::string capitals(std::string_view word) {
  std::string out(word);
  for (char& c : out) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return out;
}

/// How deep inside BEGIN ATOMIC … END the words of a CREATE FUNCTION or PROCEDURE have led.
class body_depth {
 public:
  void see(std::string_view word, std::size_t position) {
    if (position == 0) creates_ = same_word(word, "CREATE");
    if (position < 4 && (same_word(word, "FUNCTION") || same_word(word, "PROCEDURE"))) routine_ = creates_;
    if (!routine_) return;
    if (same_word(word, "BEGIN") || (depth_ > 0 && same_word(word, "CASE"))) ++depth_;
    if (depth_ > 0 && same_word(word, "END")) --depth_;
  }
  bool inside() const { return depth_ > 0; }

 private:
  bool creates_ = false;
  bool routine_ = false;
  int depth_ = 0;
};

template <std::size_t Size>
bool is_one_of(std::string_view word, const std::array<std::string_view, Size>& words) {
  return std::ranges::find(words, word) != words.end();
}

std::unexpected<error> refused(std::string_view why, const sql_statement& what) {
  return fail(errc::statement, fmt::format("{} (in: {})", why, shortened(what.text)));
}

}  // namespace

std::vector<sql_statement> statements_of(std::string_view script) {
  std::vector<sql_statement> found;
  sql_scanner from(script, sql_dialect::postgres);
  for (bool more = true; more;) {
    sql_statement next;
    body_depth body;
    std::size_t begin = 0;
    std::size_t end = 0;
    std::size_t tokens = 0;
    std::size_t words = 0;
    int parentheses = 0;
    for (;;) {
      const auto kind = from.next();
      more = kind != sql_token::end;
      if (!more || (kind == sql_token::semicolon && parentheses <= 0 && !body.inside())) break;
      if (tokens == 0) begin = from.begin();
      end = from.end();
      if (kind == sql_token::word) {
        if (tokens == 0) next.first = capitals(from.last());
        if (tokens == 1) next.second = capitals(from.last());
        body.see(from.last(), words++);
      } else if (tokens == 0) {
        next.first = kind == sql_token::open ? "(" : "?";
      }
      if (kind == sql_token::open) ++parentheses;
      if (kind == sql_token::close) --parentheses;
      if (kind == sql_token::parameter) next.parameters = std::max(next.parameters, from.number());
      ++tokens;
    }
    if (tokens == 0) continue;
    next.text = script.substr(begin, end - begin);
    found.push_back(std::move(next));
  }
  return found;
}

result<void> admit(const sql_statement& what, sql_place where) {
  static constexpr std::array<std::string_view, 8> transactional{"BEGIN", "START",    "COMMIT",    "END",
                                                                 "ABORT", "ROLLBACK", "SAVEPOINT", "RELEASE"};
  static constexpr std::array<std::string_view, 14> of_the_session{
      "RESET",   "DISCARD", "LISTEN", "UNLISTEN", "PREPARE", "EXECUTE", "DEALLOCATE",
      "DECLARE", "FETCH",   "MOVE",   "CLOSE",    "COPY",    "LOAD",    "SET"};
  static constexpr std::array<std::string_view, 3> of_the_transaction{"LOCAL", "TRANSACTION", "CONSTRAINTS"};
  static constexpr std::array<std::string_view, 7> reading{"SELECT",  "VALUES", "TABLE", "WITH",
                                                           "EXPLAIN", "SHOW",   "("};
  if (is_one_of(what.first, transactional)) {
    return refused("transactions are begun and ended by the library, not by statements", what);
  }
  const bool in_transaction = where == sql_place::transaction || where == sql_place::script;
  const bool ends_with_it = what.first == "SET" && is_one_of(what.second, of_the_transaction);
  if (is_one_of(what.first, of_the_session) && !(in_transaction && ends_with_it)) {
    return refused(what.first + " would change the connection under the next statement", what);
  }
  if (where == sql_place::query && !is_one_of(what.first, reading)) {
    return refused("query takes reading statements only", what);
  }
  return {};
}

result<sql_statement> only_statement(std::string_view text, std::size_t given, sql_place where) {
  auto found = statements_of(text);
  if (found.empty()) return fail(errc::statement, "the statement is empty");
  if (found.size() > 1) {
    return fail(errc::statement, fmt::format("one statement at a time (in: {})", shortened(text)));
  }
  auto& only = found.front();
  if (auto admitted = admit(only, where); !admitted) return std::unexpected(std::move(admitted.error()));
  if (given != only.parameters) {
    return refused(fmt::format("{} parameters were given, {} are needed", given, only.parameters), only);
  }
  return std::move(only);
}

}  // namespace strata::detail
