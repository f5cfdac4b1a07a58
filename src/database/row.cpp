#include <strata/row.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace strata::detail {

std::string_view kind_of(const sql_value& value) noexcept {
  static constexpr std::string_view kinds[] = {"null", "an integer", "a real number", "text"};
  return kinds[value.index()];
}

std::unexpected<error> wrong_column(std::string_view column, std::string_view expected,
                                    std::string_view found) {
  return fail(errc::corrupt_entry, fmt::format("column {} must hold {}, not {}", column, expected, found));
}

result<std::vector<std::size_t>> positions_of(const std::vector<std::string>& names, const sql_rows& rows) {
  const auto& columns = rows.columns();
  std::vector<std::size_t> positions;
  positions.reserve(names.size());
  for (const auto& name : names) {
    const auto found = std::ranges::find(columns, name);
    if (found == columns.end()) {
      return fail(errc::statement, fmt::format("the statement returns no column {}", name));
    }
    positions.push_back(static_cast<std::size_t>(found - columns.begin()));
  }
  return positions;
}

error in_row(error why, const sql_rows& rows, std::size_t index) {
  const auto id = std::ranges::find(rows.columns(), "id");
  if (id == rows.columns().end()) return why;
  const auto& value = rows.row(index)[static_cast<std::size_t>(id - rows.columns().begin())];
  if (const auto* text = std::get_if<std::string>(&value)) {
    why.detail += fmt::format(", in the row with the id {}", *text);
  } else if (const auto* number = std::get_if<std::int64_t>(&value)) {
    why.detail += fmt::format(", in the row with the id {}", *number);
  }
  return why;
}

result<void> check_json(std::string_view column, const std::string& text) {
  const auto parsed = json::parse(text, {.numbers = json::number_rule::nearest});
  if (!parsed) return wrong_column(column, "JSON", fmt::format("this ({})", parsed.error().detail));
  return {};
}

}  // namespace strata::detail
