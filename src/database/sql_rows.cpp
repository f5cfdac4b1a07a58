#include <strata/database.hpp>

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>

namespace strata {

std::string table_tag(std::string_view table) {
  std::string out = "table:";
  out += table;
  return out;
}

sql_rows::sql_rows(std::vector<std::string> columns, std::vector<std::vector<sql_value>> rows,
                   std::int64_t changed)
    : columns_(std::move(columns)), rows_(std::move(rows)), changed_(changed) {
}

const sql_value& sql_rows::at(std::size_t row, std::string_view name) const {
  const auto found = std::ranges::find(columns_, name);
  if (found == columns_.end()) throw std::out_of_range("sql_rows::at: no column " + std::string(name));
  return rows_.at(row).at(static_cast<std::size_t>(found - columns_.begin()));
}

}  // namespace strata
