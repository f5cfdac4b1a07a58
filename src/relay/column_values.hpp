#pragma once
/// Reads columns of the outbox's tables.
/// Threads: pure functions.

#include "relay/text_array.hpp"

#include <strata/database.hpp>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace strata::relay_detail {

/// NULL reads as an empty text.
inline std::string text_of(const sql_value& value) {
  const auto* text = std::get_if<std::string>(&value);
  return text == nullptr ? std::string() : *text;
}

/// NULL reads as 0.
inline std::int64_t number_of(const sql_value& value) {
  const auto* number = std::get_if<std::int64_t>(&value);
  return number == nullptr ? 0 : *number;
}

/// An array of text; elements that are NULL read as empty texts.
inline std::vector<std::string> texts_of(const sql_value& value) {
  std::vector<std::string> out;
  if (auto read = read_text_array(text_of(value))) {
    for (auto& each : *read) out.push_back(std::move(each).value_or(""));
  }
  return out;
}

}  // namespace strata::relay_detail
