#include "database/postgres/sql_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace strata::detail {

namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool begins_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (c & 0x80) != 0;
}
bool continues_word(char c) {
  return begins_word(c) || is_digit(c) || c == '$';
}

std::string capitals(std::string_view word) {
  std::string out(word);
  for (char& c : out) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return out;
}

bool same_word(std::string_view word, std::string_view in_capitals) {
  return word.size() == in_capitals.size() && std::ranges::equal(word, in_capitals, [](char a, char b) {
           return a == b || (a >= 'a' && a <= 'z' && a - 'a' + 'A' == b);
         });
}

enum class token { end, word, parameter, semicolon, open, close, other };

class scanner {
 public:
  explicit scanner(std::string_view text) : text_(text) {}

  token next() {
    skip_blanks();
    begin_ = at_;
    if (at_ >= text_.size()) return token::end;
    const char c = text_[at_];
    if (begins_word(c)) return word();
    if (c == '\'') return quoted('\'', false);
    if (c == '"') return quoted('"', false);
    if (c == '$') return dollar();
    ++at_;
    if (is_digit(c)) {  // `1e5`, `0x1F`: no word begins inside a number
      while (at_ < text_.size() && continues_word(text_[at_])) ++at_;
      return token::other;
    }
    return c == ';' ? token::semicolon : c == '(' ? token::open : c == ')' ? token::close : token::other;
  }

  std::size_t begin() const { return begin_; }  ///< where the last token begins
  std::size_t end() const { return at_; }       ///< where it ends
  std::string_view last() const { return text_.substr(begin_, at_ - begin_); }
  std::size_t number() const { return number_; }  ///< of the last parameter

 private:
  bool at(std::string_view what) const { return text_.substr(at_).starts_with(what); }

  void skip_blanks() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == ' ' || (c >= '\t' && c <= '\r')) {
        ++at_;
      } else if (at("--")) {
        at_ = std::min(text_.find_first_of("\r\n", at_), text_.size());
      } else if (at("/*")) {
        skip_comment();
      } else {
        return;
      }
    }
  }

  void skip_comment() {  // they nest
    int depth = 0;
    while (at_ < text_.size()) {
      if (at("/*")) {
        ++depth;
        at_ += 2;
      } else if (at("*/")) {
        at_ += 2;
        if (--depth == 0) return;
      } else {
        ++at_;
      }
    }
  }

  token word() {
    while (at_ < text_.size() && continues_word(text_[at_])) ++at_;
    const auto found = last();
    // E'…' knows backslashes; U&'…', B'…', X'…' and N'…' are read as a word and a plain string.
    if (same_word(found, "E") && at("'")) return quoted('\'', true);
    return token::word;
  }

  token quoted(char quote, bool escapes) {
    ++at_;
    while (at_ < text_.size()) {
      const char c = text_[at_++];
      if (escapes && c == '\\' && at_ < text_.size()) {
        ++at_;
      } else if (c == quote) {
        if (at_ >= text_.size() || text_[at_] != quote) return token::other;
        ++at_;
      }
    }
    return token::other;
  }

  token dollar() {
    auto end = at_ + 1;
    if (end < text_.size() && is_digit(text_[end])) {
      number_ = 0;
      for (; end < text_.size() && is_digit(text_[end]); ++end) {
        number_ = std::min<std::size_t>(number_ * 10 + static_cast<std::size_t>(text_[end] - '0'), 1'000'000);
      }
      at_ = end;
      return token::parameter;
    }
    while (end < text_.size() && continues_word(text_[end]) && text_[end] != '$') ++end;
    if (end >= text_.size() || text_[end] != '$') {
      ++at_;
      return token::other;
    }
    const auto mark = text_.substr(at_, end + 1 - at_);  // "$$" or "$body$"
    const auto close = text_.find(mark, end + 1);
    at_ = close == std::string_view::npos ? text_.size() : close + mark.size();
    return token::other;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t begin_ = 0;
  std::size_t number_ = 0;
};

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
  scanner from(script);
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
      more = kind != token::end;
      if (!more || (kind == token::semicolon && parentheses <= 0 && !body.inside())) break;
      if (tokens == 0) begin = from.begin();
      end = from.end();
      if (kind == token::word) {
        if (tokens == 0) next.first = capitals(from.last());
        if (tokens == 1) next.second = capitals(from.last());
        body.see(from.last(), words++);
      } else if (tokens == 0) {
        next.first = kind == token::open ? "(" : "?";
      }
      if (kind == token::open) ++parentheses;
      if (kind == token::close) --parentheses;
      if (kind == token::parameter) next.parameters = std::max(next.parameters, from.number());
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

std::string_view shortened(std::string_view text) {
  constexpr std::size_t limit = 120;
  if (text.size() <= limit) return text;
  auto end = limit;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end);
}

}  // namespace strata::detail
