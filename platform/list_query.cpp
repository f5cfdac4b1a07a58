#include "platform/list_query.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace strata::platform {

namespace {

constexpr std::string_view spaces = " \t\r\n";

std::string_view next_word(std::string_view& rest) {
  const auto begin = rest.find_first_not_of(spaces);
  if (begin == std::string_view::npos) return rest = {};
  rest.remove_prefix(begin);
  const auto word = rest.substr(0, rest.find_first_of(spaces));
  rest.remove_prefix(word.size());
  return word;
}

}  // namespace

list_query page_of(std::string_view table, const std::vector<std::string>& columns,
                   std::string_view condition, std::string_view order, strata::sql_parameters parameters,
                   page_request part) {
  const auto filter = condition.empty() ? std::string() : fmt::format(" WHERE {}", condition);
  const auto at = parameters.size();
  parameters.emplace_back(part.limit);
  parameters.emplace_back((part.page - 1) * part.limit);
  return {
      fmt::format("SELECT (SELECT COUNT(*) FROM {0}{2}) AS total, listed.* FROM (SELECT 1 AS one) AS base "
                  "LEFT JOIN (SELECT {1} FROM {0}{2} ORDER BY {3} LIMIT ${4} OFFSET ${5}) AS listed ON 1 = 1 "
                  "ORDER BY {3}",
                  table, fmt::join(columns, ", "), filter, order, at + 1, at + 2),
      std::move(parameters),
  };
}

std::string like_pattern(std::string_view text) {
  std::string out = "%";
  for (const char c : text) {
    if (c == '%' || c == '_' || c == '\\') out += '\\';
    out += c;
  }
  out += '%';
  return out;
}

std::string normalized(std::string_view text) {
  std::string out;
  for (auto word = next_word(text); !word.empty(); word = next_word(text)) {
    if (!out.empty()) out += ' ';
    for (const char c : word) out += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return out;
}

std::string search_words(std::string_view query) {
  const auto lower = normalized(query);
  std::vector<std::string_view> words;
  std::string_view rest = lower;
  for (auto word = next_word(rest); !word.empty(); word = next_word(rest)) words.push_back(word);
  std::ranges::sort(words);
  const auto repeated = std::ranges::unique(words);
  words.erase(repeated.begin(), repeated.end());
  return fmt::format("{}", fmt::join(words, " "));
}

std::string search_condition(std::string_view query, const std::vector<std::string>& columns,
                             strata::sql_parameters& parameters) {
  std::string out;
  for (auto word = next_word(query); !word.empty(); word = next_word(query)) {
    parameters.emplace_back(like_pattern(word));
    if (!out.empty()) out += " AND ";
    out += '(';
    for (std::size_t i = 0; i < columns.size(); ++i) {
      if (i != 0) out += " OR ";
      out += fmt::format(R"(LOWER({}) LIKE LOWER(${}) ESCAPE '\')", columns[i], parameters.size());
    }
    out += ')';
  }
  return out;
}

}  // namespace strata::platform
