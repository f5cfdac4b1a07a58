#include "platform/json_schema.hpp"

#include <strata/json.hpp>

#include <fmt/format.h>

namespace strata::platform {

std::string object_of(const std::vector<std::pair<std::string, std::string>>& members) {
  std::string out = "{";
  for (const auto& [name, text] : members) {
    if (out.size() > 1) out += ',';
    out += json::text_of(name);
    out += ':';
    out += text;
  }
  return out + '}';
}

std::string quoted(std::string_view text) {
  return json::text_of(text);
}

std::string enum_schema(std::span<const std::string_view> values, bool or_null) {
  std::string out = or_null ? R"({"type":["string","null"],"enum":[)" : R"({"type":"string","enum":[)";
  for (const auto each : values) out += quoted(each) + ',';
  if (or_null) return out + "null]}";
  out.back() = ']';
  return out + '}';
}

std::string page_schema(std::string_view item) {
  return fmt::format(
      R"({{"type":"object","required":["items","page","limit","total"],"properties":{{)"
      R"("items":{{"type":"array","items":{{"$ref":"#/components/schemas/{}"}}}},)"
      R"("page":{{"type":"integer"}},"limit":{{"type":"integer"}},"total":{{"type":"integer"}}}}}})",
      item);
}

namespace detail {

std::string text_schema(std::string_view name) {
  if (name.ends_with("_at")) return R"({"type":"string","format":"date-time"})";
  if (name == "email") return R"({"type":"string","format":"email"})";
  return R"({"type":"string"})";
}

}  // namespace detail

}  // namespace strata::platform
