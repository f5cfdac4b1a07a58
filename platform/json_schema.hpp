#pragma once
/// JSON Schema (2020-12) as text, for the API's description.
/// Threads: pure functions.

#include "platform/entity.hpp"

#include <strata/json.hpp>

#include <boost/describe.hpp>
#include <boost/mp11/algorithm.hpp>

#include <algorithm>
#include <concepts>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace strata::platform {

/// An object of these members, whose values are JSON already.
std::string object_of(const std::vector<std::pair<std::string, std::string>>& members);

/// `text` as a JSON string.
std::string quoted(std::string_view text);

/// The schema of a string that is one of `values`, or null.
std::string enum_schema(std::span<const std::string_view> values, bool or_null = false);

/// The schema of a page of a list whose items have the schema called `item`.
std::string page_schema(std::string_view item);

namespace detail {

std::string text_schema(std::string_view name);

template <class T>
std::string field_schema(std::string_view name, const std::vector<named_schema>& of_fields) {
  const auto own = std::ranges::find(of_fields, name, &named_schema::first);
  if (own != of_fields.end()) return own->second;
  if constexpr (std::same_as<T, bool>) return R"({"type":"boolean"})";
  if constexpr (std::integral<T>) return R"({"type":"integer","minimum":0})";
  return text_schema(name);
}

}  // namespace detail

/// The schema of a row, from the row itself; `of_fields` has those of fields that are more than their type.
template <class Row>
std::string schema_of(const std::vector<named_schema>& of_fields = {}) {
  std::vector<std::pair<std::string, std::string>> properties;
  std::vector<std::string> required;
  using members = boost::describe::describe_members<Row, boost::describe::mod_any_access>;
  boost::mp11::mp_for_each<members>([&](auto member) {
    using field = std::remove_cvref_t<decltype(std::declval<Row>().*member.pointer)>;
    properties.emplace_back(member.name, detail::field_schema<field>(member.name, of_fields));
    required.emplace_back(member.name);
  });
  return object_of({{"type", R"("object")"},
                    {"properties", object_of(properties)},
                    {"required", json::text_of(required)},
                    {"additionalProperties", "false"}});
}

}  // namespace strata::platform
