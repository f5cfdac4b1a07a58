/// The parts of JSON text, as they were written.

#include "codec/json_spaces.hpp"

#include <strata/json.hpp>

#include <algorithm>
#include <boost/json/string.hpp>

namespace strata::json {

namespace {

/// The length of the string that `text` begins with, its quotes included.
std::size_t string_length(std::string_view text) {
  std::size_t at = 1;
  while (text[at] != '"') at += text[at] == '\\' ? 2 : 1;
  return at + 1;
}

}  // namespace

namespace detail {

part_reader::part_reader(std::string_view text) : rest_(trimmed(text)) {
  named_ = rest_.starts_with('{');
  rest_ = rest_.substr(1, rest_.size() - 2);
  if (trimmed(rest_).empty()) rest_ = {};
}

bool part_reader::next() {
  if (rest_.empty()) return false;
  if (named_) {
    rest_.remove_prefix(rest_.find('"'));
    const auto length = string_length(rest_);
    const auto quoted = rest_.substr(0, length);
    if (quoted.contains('\\')) {
      name_ = parse(quoted)->get_string();
    } else {
      name_ = quoted.substr(1, length - 2);
    }
    rest_.remove_prefix(rest_.find(':', length) + 1);
  }
  value_ = take_value();
  return true;
}

std::string_view part_reader::take_value() {
  std::size_t depth = 0;
  std::size_t at = 0;
  while (at < rest_.size()) {
    const char c = rest_[at];
    if (c == '"') {
      at += string_length(rest_.substr(at));
      continue;
    }
    if (c == ',' && depth == 0) break;
    if (c == '{' || c == '[') ++depth;
    if (c == '}' || c == ']') --depth;
    ++at;
  }
  const auto value = rest_.substr(0, at);
  rest_.remove_prefix(std::min(rest_.size(), at + 1));
  return value;
}

}  // namespace detail

}  // namespace strata::json
