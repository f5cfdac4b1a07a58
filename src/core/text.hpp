#pragma once
/// Small functions on text that several rooms need.

#include <string_view>

namespace strata::detail {

/// Returns the part of `rest` before the first `separator` and removes both from `rest`.
/// Takes all of `rest` if it holds no separator.
std::string_view cut(std::string_view& rest, char separator) noexcept;

/// The first 120 bytes of `text` or fewer, for an error's detail. Never splits a UTF-8 character.
std::string_view shortened(std::string_view text) noexcept;

/// True if `text` is UTF-8: no overlong form, no surrogate, nothing above U+10FFFF.
bool is_utf8(std::string_view text) noexcept;

/// The value of a hexadecimal digit in either case, or -1.
constexpr int hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace strata::detail
