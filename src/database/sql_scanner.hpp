#pragma once
/// The tokens of a statement, as far as one must know them to tell where strings, comments and
/// parentheses begin and end. PostgreSQL's lexical rules (manual, 4.1), or SQLite's (sqlite.org/lang).
/// Threads: one.

#include <cstddef>
#include <string_view>

namespace strata::detail {

enum class sql_dialect { postgres, sqlite };

enum class sql_token {
  end,
  word,
  parameter,  ///< `$n`
  semicolon,
  open,   ///< (
  close,  ///< )
  other,  ///< a string, a quoted name, a number, an operator
};

/// True if `word` is `in_capitals` in any case.
bool same_word(std::string_view word, std::string_view in_capitals) noexcept;

/// Lifetime: the text.
class sql_scanner {
 public:
  sql_scanner(std::string_view text, sql_dialect dialect) : text_(text), dialect_(dialect) {}

  /// The next token, behind blanks and comments.
  sql_token next();

  std::size_t begin() const { return begin_; }  ///< where the last token begins
  std::size_t end() const { return at_; }       ///< where it ends
  std::string_view last() const { return text_.substr(begin_, at_ - begin_); }
  std::size_t number() const { return number_; }  ///< of the last parameter

 private:
  bool at(std::string_view what) const { return text_.substr(at_).starts_with(what); }
  bool postgres() const { return dialect_ == sql_dialect::postgres; }
  void skip_blanks();
  void skip_comment();
  sql_token word();
  sql_token quoted(char quote, bool escapes);
  sql_token dollar();

  std::string_view text_;
  sql_dialect dialect_;
  std::size_t at_ = 0;
  std::size_t begin_ = 0;
  std::size_t number_ = 0;
};

}  // namespace strata::detail
