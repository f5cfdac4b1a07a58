#include "events/key_template.hpp"

#include <strata/key.hpp>

#include <algorithm>

namespace strata::events {

namespace {

bool is_name(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
}

}  // namespace

key_template::key_template(std::string_view text, const std::string& where,
                           std::vector<std::string>& problems) {
  if (const auto why = parse(text); !why.empty()) {
    problems.push_back(where + " \"" + std::string(text) + "\" " + std::string(why));
  }
}

std::string_view key_template::parse(std::string_view text) {
  if (text.empty()) return "is empty";
  if (text.front() == '{') return "must begin with its own text, not with a placeholder";
  while (!text.empty()) {
    const auto open = text.find('{');
    const auto literal = text.substr(0, open);
    if (literal.contains('}')) return "has a } without {";
    if (open == std::string_view::npos) {
      parts_.push_back({std::string(literal), {}});
      break;
    }
    const auto close = text.find('}', open);
    if (close == std::string_view::npos) return "has a { without }";
    const auto name = text.substr(open + 1, close - open - 1);
    if (!is_name(name)) return "has a placeholder that is not a name of a-z, 0-9 and _";
    parts_.push_back({std::string(literal), std::string(name)});
    text.remove_prefix(close + 1);
  }
  return {};
}

std::vector<std::string> key_template::attributes() const {
  std::vector<std::string> out;
  for (const auto& each : parts_) {
    if (!each.attribute.empty()) out.push_back(each.attribute);
  }
  return out;
}

expansion key_template::expand(const std::map<std::string, std::string>& attributes) const {
  expansion out;
  for (const auto& each : parts_) {
    out.text += each.literal;
    if (each.attribute.empty()) continue;
    const auto found = attributes.find(each.attribute);
    if (found == attributes.end()) {
      const auto boundary = out.text.rfind(':');
      out.text.resize(boundary == std::string::npos ? 0 : boundary);
      out.complete = false;
      return out;
    }
    append_escaped(out.text, found->second);
  }
  return out;
}

}  // namespace strata::events
