#include "database/identifier.hpp"

#include <strata/repository.hpp>

#include <fmt/format.h>

namespace strata::detail {

table_statements::table_statements(std::string_view name, const std::vector<std::string>& columns)
    : table(name) {
  std::string list;
  std::string values;
  std::string assignments;
  std::size_t id = 0;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const auto* separator = i == 0 ? "" : ", ";
    list += separator + quoted_identifier(columns[i]);
    values += fmt::format("{}${}", separator, i + 1);
    if (columns[i] == "id") {
      id = i + 1;
    } else {
      assignments +=
          fmt::format("{}{} = ${}", assignments.empty() ? "" : ", ", quoted_identifier(columns[i]), i + 1);
    }
  }
  select = fmt::format("SELECT {} FROM {}", list, quoted_identifier(name));
  select_by_id = select + " WHERE \"id\" = $1";
  insert = fmt::format("INSERT INTO {} ({}) VALUES ({})", quoted_identifier(name), list, values);
  update = fmt::format("UPDATE {} SET {} WHERE \"id\" = ${} AND \"version\" = ${}", quoted_identifier(name),
                       assignments, id, columns.size() + 1);
  remove = fmt::format("DELETE FROM {} WHERE \"id\" = $1 AND \"version\" = $2", quoted_identifier(name));
}

std::unexpected<error> row_missing(const table_statements& in, std::string_view id) {
  return fail(errc::not_found, fmt::format("{} has no row {}", in.table, id));
}

std::unexpected<error> row_conflict(const table_statements& in, std::string_view id, std::int64_t expected,
                                    std::int64_t found) {
  return fail(errc::conflict,
              fmt::format("row {} of {} has version {}, not {}", id, in.table, found, expected));
}

std::unexpected<error> row_moved(const table_statements& in, std::string_view id) {
  return fail(errc::conflict, fmt::format("row {} of {} was changed meanwhile", id, in.table));
}

}  // namespace strata::detail
