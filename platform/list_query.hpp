#pragma once
/// The statements behind lists: a page and the total from one snapshot.
/// Threads: pure functions.

#include <strata/database.hpp>
#include <strata/row.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace strata::platform {

/// A statement with its parameters.
struct list_query {
  std::string statement;
  strata::sql_parameters parameters;
};

/// Selects `limit` rows of `table` after the first `offset` that meet `condition`, and the number
/// of all that do as the column `total`. `order` is a list of columns with their directions.
/// `parameters` are the condition's.
list_query page_of(std::string_view table, const std::vector<std::string>& columns,
                   std::string_view condition, std::string_view order, strata::sql_parameters parameters,
                   std::int64_t offset, std::int64_t limit);

/// The condition that every word of `query` is in one of `columns`, without regard to case; empty
/// if there is no word. Appends the patterns to `parameters`.
std::string search_condition(std::string_view query, const std::vector<std::string>& columns,
                             strata::sql_parameters& parameters);

/// `text` as a LIKE pattern that matches it anywhere: `%`, `_` and `\` stand for themselves.
std::string like_pattern(std::string_view text);

/// `query` as lists compare it: words in lower case (ASCII) with one space between.
std::string normalized(std::string_view query);

/// Renders what `page_of` selected as `{items,page,limit,total}`.
/// Errors: those of `from_rows`.
template <class T>
strata::result<std::string> rendered_page(const strata::sql_rows& rows, std::int64_t page, std::int64_t limit,
                                          bool& empty) {
  // A page without items still has one row: the total beside nulls.
  empty = std::holds_alternative<std::monostate>(rows.at(0, "id"));
  std::vector<T> items;
  if (!empty) {
    auto read = strata::from_rows<T>(rows);
    if (!read) return std::unexpected(std::move(read.error()));
    items = std::move(*read);
  }
  std::string body = R"({"items":)";
  strata::json::write(body, items);
  body += R"(,"page":)" + std::to_string(page) + R"(,"limit":)" + std::to_string(limit) + R"(,"total":)" +
          std::to_string(std::get<std::int64_t>(rows.at(0, "total"))) + '}';
  return body;
}

}  // namespace strata::platform
