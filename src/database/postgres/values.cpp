#include "database/postgres/values.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

namespace strata::detail {

namespace {

template <class Number>
bool read(std::string_view text, Number& into) {
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), into);
  return status == std::errc() && end == text.data() + text.size();
}

sql_value real_of(std::string_view text) {
  double value = 0;
  if (read(text, value)) return value;
  // from_chars refuses what is too large or small for a double, which only a numeric can be.
  if (text.find_first_of("123456789") == std::string_view::npos) return std::string(text);
  const bool small = text.starts_with("0.") || text.starts_with("-0.");
  const double magnitude = small ? 0.0 : HUGE_VAL;
  return text.starts_with('-') ? -magnitude : magnitude;
}

}  // namespace

sql_value value_of(std::string_view text, pg_type type) {
  std::int64_t whole = 0;
  switch (type) {
    case pg_type::boolean:
      return std::int64_t{text == "t"};
    case pg_type::int2:
    case pg_type::int4:
    case pg_type::int8:
    case pg_type::oid:
      if (read(text, whole)) return whole;
      return std::string(text);
    case pg_type::numeric:
      if (read(text, whole)) return whole;
      return real_of(text);
    case pg_type::float4:
    case pg_type::float8:
      return real_of(text);
    case pg_type::bpchar:
      return std::string(text.substr(0, text.find_last_not_of(' ') + 1));
  }
  return std::string(text);
}

void parameter_texts::set(std::span<const sql_value> values) {
  pointers_.clear();
  numbers_.resize(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    auto& room = numbers_[i];
    if (const auto* integer = std::get_if<std::int64_t>(&values[i])) {
      *std::to_chars(room.data(), room.data() + room.size() - 1, *integer).ptr = '\0';
      pointers_.push_back(room.data());
    } else if (const auto* real = std::get_if<double>(&values[i])) {
      *fmt::format_to_n(room.data(), room.size() - 1, "{}", *real).out = '\0';
      pointers_.push_back(room.data());
    } else if (const auto* text = std::get_if<std::string>(&values[i])) {
      pointers_.push_back(text->c_str());
    } else {
      pointers_.push_back(nullptr);
    }
  }
}

}  // namespace strata::detail
