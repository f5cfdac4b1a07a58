/// The matcher that never recurses agrees with one that does nothing else.
/// An input is a pattern, a line feed and a text.

#include "core/glob.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>

namespace {

bool literal_matches(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) return text.empty();
  if (pattern[0] == '*') {
    return literal_matches(pattern.substr(1), text) ||
           (!text.empty() && literal_matches(pattern, text.substr(1)));
  }
  return !text.empty() && (pattern[0] == '?' || pattern[0] == text[0]) &&
         literal_matches(pattern.substr(1), text.substr(1));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const auto pattern = input.substr(0, input.find('\n'));
  const auto text = input.substr(std::min(input.size(), pattern.size() + 1));

  const bool matches = strata::glob_matches(pattern, text);
  // Classes and escapes only run here: the simple matcher does not know them, and takes exponential time.
  if (pattern.find_first_of("[]\\") == std::string_view::npos && pattern.size() <= 8 && text.size() <= 16) {
    if (matches != literal_matches(pattern, text)) std::abort();
  }
  if (const auto prefix = strata::glob_prefix(pattern)) {
    const bool below =
        text.size() > prefix->size() && text.starts_with(*prefix) && text[prefix->size()] == ':';
    if (matches != below) std::abort();
  }
  return 0;
}
