#pragma once
/// The spaces that JSON allows around a value.
/// Threads: pure functions.

#include <string_view>

namespace strata::json::detail {

/// `text` without the spaces around it.
inline std::string_view trimmed(std::string_view text) noexcept {
  constexpr std::string_view spaces = " \t\r\n";
  const auto begin = text.find_first_not_of(spaces);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(spaces) - begin + 1);
}

}  // namespace strata::json::detail
