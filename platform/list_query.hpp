#pragma once
/// The statements behind lists: a page and the total number of rows, from one snapshot.
/// Threads: pure functions.

#include "platform/cached_response.hpp"

#include <strata/database.hpp>
#include <strata/factory.hpp>
#include <strata/row.hpp>
#include <strata/task.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace strata::platform {

/// Which part of a list. Requires: page >= 1, limit 1 to 100.
struct page_request {
  std::int64_t page = 1;
  std::int64_t limit = 20;
};

/// A statement with its parameters.
struct list_query {
  std::string statement;
  strata::sql_parameters parameters;
};

/// Selects the rows of `table` on page `part` of those that meet `condition`, and the number of all that do
/// as the column `total`. `order` is a list of columns with their directions. `parameters` are the
/// condition's.
list_query page_of(std::string_view table, const std::vector<std::string>& columns,
                   std::string_view condition, std::string_view order, strata::sql_parameters parameters,
                   page_request part);

/// The condition that every word of `query` is in one of `columns`, without regard to case; empty
/// if there is no word. Appends the patterns to `parameters`.
std::string search_condition(std::string_view query, const std::vector<std::string>& columns,
                             strata::sql_parameters& parameters);

/// `text` as a LIKE pattern that matches it anywhere: `%`, `_` and `\` stand for themselves.
std::string like_pattern(std::string_view text);

/// `text` in lower case (ASCII), with one space between its words.
std::string normalized(std::string_view text);

/// The words of `query` as a search compares them: in lower case (ASCII), sorted, each once, with one space
/// between. So every way to ask for the same words has one key.
std::string search_words(std::string_view query);

/// Renders the rows that `page_of` selected as `{items,page,limit,total}`.
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
  if (auto done = strata::json::write(body, items); !done) {
    return strata::fail(strata::errc::corrupt_entry, "a row cannot be shown: " + done.error().detail);
  }
  body += R"(,"page":)" + std::to_string(page) + R"(,"limit":)" + std::to_string(limit) + R"(,"total":)" +
          std::to_string(std::get<std::int64_t>(rows.at(0, "total"))) + '}';
  return body;
}

/// Loads and renders the page that `query` selects, for a cache to fill. Lifetime: `source` and `context`
/// outlive the task.
template <class T>
strata::task<strata::result<page>> load_page(strata::database& source, list_query query, page_request part,
                                             strata::fill_context& context) {
  auto rows = co_await source.query(query.statement, std::move(query.parameters));
  if (!rows) co_return std::unexpected(std::move(rows.error()));
  bool empty = false;
  auto body = rendered_page<T>(*rows, part.page, part.limit, empty);
  if (!body) co_return std::unexpected(std::move(body.error()));
  // Pages behind the last one are endless: they must not evict what is read.
  if (empty && part.page > 1) context.skip();
  if (empty) context.found_nothing();
  // Of the other parts of a list there are too many for each of them to be worth memory that all share.
  if (part.limit != page_request().limit || part.page > 10) context.local_at_first();
  co_return page(std::move(*body));
}

}  // namespace strata::platform
