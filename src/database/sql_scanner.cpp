#include "database/sql_scanner.hpp"

#include <algorithm>

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

}  // namespace

bool same_word(std::string_view word, std::string_view in_capitals) noexcept {
  return word.size() == in_capitals.size() && std::ranges::equal(word, in_capitals, [](char a, char b) {
           return a == b || (a >= 'a' && a <= 'z' && a - 'a' + 'A' == b);
         });
}

sql_token sql_scanner::next() {
  skip_blanks();
  begin_ = at_;
  if (at_ >= text_.size()) return sql_token::end;
  const char c = text_[at_];
  if (begins_word(c)) return word();
  if (c == '\'' || c == '"') return quoted(c, false);
  if (!postgres() && c == '`') return quoted('`', false);
  if (!postgres() && c == '[') return quoted(']', false);
  if (c == '$') return dollar();
  ++at_;
  if (is_digit(c)) {  // `1e5`, `0x1F`: no word begins inside a number
    while (at_ < text_.size() && continues_word(text_[at_])) ++at_;
    return sql_token::other;
  }
  return c == ';'   ? sql_token::semicolon
         : c == '(' ? sql_token::open
         : c == ')' ? sql_token::close
                    : sql_token::other;
}

void sql_scanner::skip_blanks() {
  while (at_ < text_.size()) {
    const char c = text_[at_];
    if (c == ' ' || (c >= '\t' && c <= '\r')) {
      ++at_;
    } else if (at("--")) {
      at_ = std::min(text_.find_first_of(postgres() ? "\r\n" : "\n", at_), text_.size());
    } else if (at("/*")) {
      skip_comment();
    } else {
      return;
    }
  }
}

void sql_scanner::skip_comment() {
  int depth = 0;
  while (at_ < text_.size()) {
    if (at("/*") && (postgres() || depth == 0)) {  // PostgreSQL's nest
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

sql_token sql_scanner::word() {
  while (at_ < text_.size() && continues_word(text_[at_])) ++at_;
  const auto found = last();
  // E'…' knows backslashes; U&'…', B'…', X'…' and N'…' are read as a word and a plain string.
  if (postgres() && same_word(found, "E") && at("'")) return quoted('\'', true);
  return sql_token::word;
}

sql_token sql_scanner::quoted(char quote, bool escapes) {
  ++at_;
  while (at_ < text_.size()) {
    const char c = text_[at_++];
    if (escapes && c == '\\' && at_ < text_.size()) {
      ++at_;
    } else if (c == quote) {
      if (at_ >= text_.size() || text_[at_] != quote || quote == ']') return sql_token::other;
      ++at_;
    }
  }
  return sql_token::other;
}

sql_token sql_scanner::dollar() {
  auto end = at_ + 1;
  if (end < text_.size() && is_digit(text_[end])) {
    number_ = 0;
    for (; end < text_.size() && is_digit(text_[end]); ++end) {
      number_ = std::min<std::size_t>(number_ * 10 + static_cast<std::size_t>(text_[end] - '0'), 1'000'000);
    }
    at_ = end;
    return sql_token::parameter;
  }
  while (end < text_.size() && continues_word(text_[end]) && text_[end] != '$') ++end;
  if (!postgres() || end >= text_.size() || text_[end] != '$') {
    ++at_;
    return sql_token::other;
  }
  const auto mark = text_.substr(at_, end + 1 - at_);  // "$$" or "$body$"
  const auto close = text_.find(mark, end + 1);
  at_ = close == std::string_view::npos ? text_.size() : close + mark.size();
  return sql_token::other;
}

}  // namespace strata::detail
