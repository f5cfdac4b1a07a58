#pragma once
/// Names of tables and columns in SQL.
/// Threads: pure functions.

#include <string>
#include <string_view>

namespace strata::detail {

/// `name` as SQL writes an identifier that may be called like a word of SQL.
inline std::string quoted_identifier(std::string_view name) {
  std::string out = "\"";
  for (const char c : name) {
    if (c == '"') out += '"';
    out += c;
  }
  return out += '"';
}

}  // namespace strata::detail
