#pragma once
/// A TOML document as a flat list of its entries, each with its place.
/// Threads: pure functions.

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace strata::cli {

/// `texts` is a list of texts without commas; any other list is an `array`.
enum class toml_kind { text, integer, number, boolean, table, texts, array, time };

std::string_view name(toml_kind kind) noexcept;

struct toml_place {
  std::uint32_t line = 0;
  std::uint32_t column = 0;
};

/// One key of a document, tables included: `[limits]` is an entry and each key below it another.
struct toml_entry {
  std::string key;  ///< dotted; a part that contains a dot is quoted
  toml_kind kind{};
  std::string text;  ///< the value, texts separated by commas; empty for table, array and time
  toml_place key_at;
  toml_place value_at;
};

struct toml_error {
  std::string detail;
  toml_place at;
};

/// Reads `document`. Entries come in the order of their lines.
std::expected<std::vector<toml_entry>, toml_error> read_toml(std::string_view document);

}  // namespace strata::cli
