#include "platform/stored_document.hpp"

#include <fmt/format.h>

namespace strata::platform {

std::optional<json::raw> read_document(const boost::json::value& from, const std::string& pointer,
                                       std::vector<field_problem>& problems) {
  if (!from.is_object()) {
    problems.push_back({pointer, "must be a JSON object"});
    return {};
  }
  auto text = json::to_text(from);
  if (text.size() > max_document) {
    problems.push_back(
        {pointer, fmt::format("must be at most {} bytes of JSON, not {}", max_document, text.size())});
    return {};
  }
  return json::raw{std::move(text)};
}

}  // namespace strata::platform
