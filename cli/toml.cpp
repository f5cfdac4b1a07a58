#include "cli/toml.hpp"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <tuple>
#include <utility>

namespace strata::cli {

namespace {

toml_place place(const toml::source_region& region) {
  return {region.begin.line, region.begin.column};
}

bool is_texts(const toml::array& list) {
  return std::ranges::all_of(list, [](const toml::node& each) {
    const auto* text = each.as_string();
    return text != nullptr && !text->get().empty() && !text->get().contains(',');
  });
}

toml_kind kind_of(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::string:
      return toml_kind::text;
    case toml::node_type::integer:
      return toml_kind::integer;
    case toml::node_type::floating_point:
      return toml_kind::number;
    case toml::node_type::boolean:
      return toml_kind::boolean;
    case toml::node_type::table:
      return toml_kind::table;
    case toml::node_type::array:
      return is_texts(*node.as_array()) ? toml_kind::texts : toml_kind::array;
    default:
      return toml_kind::time;
  }
}

std::string text_of(const toml::node& node) {
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* integer = node.as_integer()) return std::to_string(integer->get());
  if (const auto* number = node.as_floating_point()) return fmt::format("{}", number->get());
  if (const auto* boolean = node.as_boolean()) return boolean->get() ? "true" : "false";
  const auto* list = node.as_array();
  if (list == nullptr || !is_texts(*list)) return {};
  std::string out;
  for (const auto& each : *list) out += (out.empty() ? "" : ",") + each.as_string()->get();
  return out;
}

void flatten(const toml::table& table, const std::string& prefix, std::vector<toml_entry>& into) {
  for (const auto& [key, node] : table) {
    const std::string_view part = key.str();
    const bool quoted = part.contains('.') || part.empty();
    toml_entry entry{.key = prefix + (quoted ? fmt::format("\"{}\"", part) : std::string(part)),
                     .kind = kind_of(node),
                     .text = text_of(node),
                     .key_at = place(key.source()),
                     .value_at = place(node.source())};
    const std::string below = entry.key + '.';
    into.push_back(std::move(entry));
    if (const auto* inner = node.as_table()) flatten(*inner, below, into);
  }
}

}  // namespace

std::string_view name(toml_kind kind) noexcept {
  switch (kind) {
    case toml_kind::text:
      return "text";
    case toml_kind::integer:
      return "a whole number";
    case toml_kind::number:
      return "a number";
    case toml_kind::boolean:
      return "true or false";
    case toml_kind::table:
      return "a table";
    case toml_kind::texts:
      return "a list of texts";
    case toml_kind::array:
      return "a list";
    case toml_kind::time:
      return "a date or time";
  }
  std::unreachable();
}

std::expected<std::vector<toml_entry>, toml_error> read_toml(std::string_view document) {
  std::vector<toml_entry> entries;
  try {
    flatten(toml::parse(document), "", entries);
  } catch (const toml::parse_error& problem) {
    return std::unexpected(toml_error{std::string(problem.description()), place(problem.source())});
  }
  std::ranges::sort(entries, {}, [](const toml_entry& each) {
    return std::tuple(each.key_at.line, each.key_at.column, std::string_view(each.key));
  });
  return entries;
}

}  // namespace strata::cli
