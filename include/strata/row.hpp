#pragma once
/// Described structs as rows: a member's name is its column's name.
/// Threads: pure functions.
///
/// bool is 0 or 1, integers BIGINT, double DOUBLE PRECISION, std::string TEXT, std::optional NULL or
/// the value; json::raw, vectors, maps and described structs are JSON in a TEXT column.

#include <strata/database.hpp>
#include <strata/is_optional.hpp>
#include <strata/json.hpp>

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace strata {

namespace detail {

/// "null", "an integer", "a real number" or "text".
std::string_view kind_of(const sql_value& value) noexcept;

/// corrupt_entry: "column agents.is_public must hold 0 or 1, not text".
std::unexpected<error> wrong_column(std::string_view column, std::string_view expected,
                                    std::string_view found);

/// The position of every one of `names` in `rows`. Errors: statement, naming a missing column.
result<std::vector<std::size_t>> positions_of(const std::vector<std::string>& names, const sql_rows& rows);

/// `why` with the id of row `index` of `rows`, if they have one.
error in_row(error why, const sql_rows& rows, std::size_t index);

/// `text` if it is one JSON text.
result<void> check_json(std::string_view column, const std::string& text);

}  // namespace detail

/// The columns of `T`, in the order of its members.
template <class T>
const std::vector<std::string>& column_names() {
  static_assert(json::detail::described<T>, "describe the struct: BOOST_DESCRIBE_STRUCT(T, (), (…))");
  static const std::vector<std::string> names = [] {
    std::vector<std::string> found;
    boost::mp11::mp_for_each<json::detail::members_of<T>>(
        [&](auto member) { found.emplace_back(member.name); });
    return found;
  }();
  return names;
}

/// `value` as a column holds it.
template <class T>
sql_value to_column(const T& value) {
  if constexpr (detail::is_optional<T>::value) {
    return value ? to_column(*value) : sql_value();
  } else if constexpr (std::integral<T>) {
    static_assert(std::same_as<T, bool> || std::signed_integral<T> || sizeof(T) < sizeof(std::int64_t),
                  "a column holds a signed 64-bit integer");
    return static_cast<std::int64_t>(value);
  } else if constexpr (std::floating_point<T>) {
    return static_cast<double>(value);
  } else if constexpr (std::same_as<T, std::string>) {
    return value;
  } else if constexpr (std::same_as<T, json::raw>) {
    return value.text;
  } else {
    return json::text_of(value);
  }
}

/// Reads a column into `into`. Errors: corrupt_entry, naming `column`, what it must hold and what
/// kind of value it holds.
template <class T>
result<void> from_column(const sql_value& from, T& into, std::string_view column) {
  if constexpr (detail::is_optional<T>::value) {
    if (std::holds_alternative<std::monostate>(from)) {
      into.reset();
      return {};
    }
    return from_column(from, into.emplace(), column);
  } else if constexpr (std::same_as<T, bool>) {
    const auto* number = std::get_if<std::int64_t>(&from);
    if (number == nullptr || (*number != 0 && *number != 1)) {
      return detail::wrong_column(column, "0 or 1", detail::kind_of(from));
    }
    into = *number == 1;
  } else if constexpr (std::integral<T>) {
    const auto* number = std::get_if<std::int64_t>(&from);
    if (number == nullptr) return detail::wrong_column(column, "an integer", detail::kind_of(from));
    if (!std::in_range<T>(*number))
      return detail::wrong_column(column, "a smaller integer", "one out of range");
    into = static_cast<T>(*number);
  } else if constexpr (std::floating_point<T>) {
    if (const auto* real = std::get_if<double>(&from); real != nullptr) {
      into = static_cast<T>(*real);
    } else if (const auto* number = std::get_if<std::int64_t>(&from); number != nullptr) {
      into = static_cast<T>(*number);
    } else {
      return detail::wrong_column(column, "a number", detail::kind_of(from));
    }
  } else {
    const auto* text = std::get_if<std::string>(&from);
    if (text == nullptr) return detail::wrong_column(column, "text", detail::kind_of(from));
    if constexpr (std::same_as<T, std::string>) {
      into = *text;
    } else if constexpr (std::same_as<T, json::raw>) {
      if (auto valid = detail::check_json(column, *text); !valid) return valid;
      into.text = *text;
    } else {
      auto read = json::read_stored<T>(*text);
      if (!read) return detail::wrong_column(column, "JSON of its type", read.error().detail);
      into = std::move(*read);
    }
  }
  return {};
}

/// The columns of `value`, in the order of `column_names<T>()`.
template <class T>
sql_parameters to_row(const T& value) {
  sql_parameters row;
  row.reserve(column_names<T>().size() + 1);
  boost::mp11::mp_for_each<json::detail::members_of<T>>(
      [&](auto member) { row.push_back(to_column(value.*member.pointer)); });
  return row;
}

/// A row as far as its columns hold their types.
template <class T>
struct readable_row {
  T row{};                                ///< an unreadable column has the value it has in `T()`
  std::vector<std::string> unreadable{};  ///< columns
  error why{};                            ///< of the first of them, and of which row
};

namespace detail {

/// Reads row `index`; `positions` are those of the columns of `T`.
template <class T>
readable_row<T> read_row(const sql_rows& rows, std::size_t index, const std::vector<std::size_t>& positions) {
  readable_row<T> out;
  std::size_t next = 0;
  boost::mp11::mp_for_each<json::detail::members_of<T>>([&](auto member) {
    auto& into = out.row.*member.pointer;
    auto read = from_column(rows.row(index)[positions[next++]], into, member.name);
    if (read) return;
    into = T().*member.pointer;
    if (out.unreadable.empty()) out.why = in_row(std::move(read.error()), rows, index);
    out.unreadable.emplace_back(member.name);
  });
  return out;
}

}  // namespace detail

/// Every row of `rows` as a `T`, as far as it can be read. Errors: statement if a column is missing.
template <class T>
result<std::vector<readable_row<T>>> readable_rows(const sql_rows& rows) {
  const auto positions = detail::positions_of(column_names<T>(), rows);
  if (!positions) return std::unexpected(positions.error());
  std::vector<readable_row<T>> found;
  found.reserve(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) found.push_back(detail::read_row<T>(rows, i, *positions));
  return found;
}

/// Every row of `rows` as a `T`; columns are found by name, others are ignored.
/// Errors: statement if a column is missing, corrupt_entry if one is not of its type; it names the column and
/// the row's id.
template <class T>
result<std::vector<T>> from_rows(const sql_rows& rows) {
  const auto positions = detail::positions_of(column_names<T>(), rows);
  if (!positions) return std::unexpected(positions.error());
  std::vector<T> found;
  found.reserve(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    auto read = detail::read_row<T>(rows, i, *positions);
    if (!read.unreadable.empty()) return std::unexpected(std::move(read.why));
    found.push_back(std::move(read.row));
  }
  return found;
}

/// True if no column that could not be read has the value of `T()` in `row`: a write has replaced them all.
template <class T>
bool replaces_unreadable(const readable_row<T>& of, const T& row) {
  bool all = true;
  boost::mp11::mp_for_each<json::detail::members_of<T>>([&](auto member) {
    if (std::ranges::find(of.unreadable, std::string_view(member.name)) == of.unreadable.end()) return;
    all = all && to_column(row.*member.pointer) != to_column(T().*member.pointer);
  });
  return all;
}

}  // namespace strata
