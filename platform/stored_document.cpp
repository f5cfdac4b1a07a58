#include "platform/stored_document.hpp"

#include <fmt/format.h>

namespace strata::platform {

namespace {

/// Requires: `text` is JSON.
std::string without_spaces(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  bool in_string = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (!in_string && (c == ' ' || c == '\t' || c == '\r' || c == '\n')) continue;
    out += c;
    if (in_string && c == '\\') out += text[++at];
    if (c == '"') in_string = !in_string;
  }
  return out;
}

}  // namespace

std::optional<json::raw> read_document(const boost::json::value& from, std::string_view text,
                                       const std::string& pointer, std::vector<field_problem>& problems) {
  if (!from.is_object()) {
    problems.push_back({pointer, "must be a JSON object"});
    return {};
  }
  json::raw out{without_spaces(text)};
  if (out.text.size() > max_document) {
    problems.push_back(
        {pointer, fmt::format("must be at most {} bytes of JSON, not {}", max_document, out.text.size())});
    return {};
  }
  return out;
}

std::optional<json::raw> read_document(const boost::json::value& from, const std::string& pointer,
                                       std::vector<field_problem>& problems) {
  return read_document(from, json::to_text(from), pointer, problems);
}

}  // namespace strata::platform
