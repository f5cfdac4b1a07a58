#pragma once
/// The grammar all fields share (RFC 9110 §5): tokens, field values, lists, UTF-8.
/// Threads: pure functions.

#include "core/text.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace strata::http {

using strata::detail::is_utf8;

/// A field as it was sent or is to be sent; the value without the spaces around it.
struct field {
  std::string_view name;
  std::string_view value;
};

namespace detail {
struct token_table {
  bool contains[256]{};
  constexpr token_table() {
    for (int c = '0'; c <= '9'; ++c) contains[c] = true;
    for (int c = 'a'; c <= 'z'; ++c) contains[c] = contains[c - 'a' + 'A'] = true;
    for (const char c : {'!', '#', '$', '%', '&', '\'', '*', '+', '-', '.', '^', '_', '`', '|', '~'}) {
      contains[static_cast<unsigned char>(c)] = true;
    }
  }
};
inline constexpr token_table tokens;
}  // namespace detail

inline bool is_token_char(char c) noexcept {
  return detail::tokens.contains[static_cast<unsigned char>(c)];
}
inline char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}
inline bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

/// True if `text` is a token, as the names of methods, fields and directives are.
bool is_token(std::string_view text) noexcept;

/// True if `text` may be a field's value: no control character but tab, so no CR, LF or NUL.
bool is_field_value(std::string_view text) noexcept;

/// Equal if ASCII case is ignored.
bool iequals(std::string_view a, std::string_view b) noexcept;

/// `text` without spaces and tabs around it.
std::string_view trim(std::string_view text) noexcept;

/// A decimal number without sign; nothing if it is not one. A number that does not fit
/// becomes the largest one that does, as RFC 9111 §1.2.2 requires.
std::optional<std::uint64_t> parse_number(std::string_view digits) noexcept;

/// Walks the elements of a comma-separated list; commas in quoted strings do not count, empty
/// elements are skipped. One strand.
class list_reader {
 public:
  explicit list_reader(std::string_view list, char separator = ',') noexcept
      : rest_(list), separator_(separator) {}
  /// The next element, trimmed; nothing at the end.
  std::optional<std::string_view> next() noexcept;

 private:
  std::string_view rest_;
  char separator_;
};

/// `name=value` or `name`, the value without its quotes (escapes are left as they are).
struct parameter_text {
  std::string_view name;
  std::optional<std::string_view> value;
};
parameter_text split_parameter(std::string_view element) noexcept;

/// A weight, `q=0.8`, in thousandths; nothing if it is malformed (RFC 9110 §12.4.2).
std::optional<unsigned> parse_weight(std::string_view text) noexcept;

}  // namespace strata::http
