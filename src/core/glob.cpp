#include "core/glob.hpp"

namespace strata {

namespace {

/// Matches one `[…]` class at `pattern[at]` (the bracket) against `c`; moves `at` behind it.
/// A class that is never closed ends with the pattern.
bool class_matches(std::string_view pattern, std::size_t& at, char c) noexcept {
  ++at;
  const bool negated = at < pattern.size() && pattern[at] == '^';
  if (negated) ++at;
  bool matched = false;
  while (at < pattern.size() && pattern[at] != ']') {
    if (pattern[at] == '\\' && at + 1 < pattern.size()) ++at;
    const char low = pattern[at++];
    char high = low;
    if (at + 1 < pattern.size() && pattern[at] == '-' && pattern[at + 1] != ']') {
      high = pattern[at + 1];
      at += 2;
    }
    if ((low <= c && c <= high) || (high <= c && c <= low)) matched = true;
  }
  if (at < pattern.size()) ++at;
  return matched != negated;
}

/// Matches one element that is not `*`; moves `at` behind it.
bool element_matches(std::string_view pattern, std::size_t& at, char c) noexcept {
  if (pattern[at] == '?') {
    ++at;
    return true;
  }
  if (pattern[at] == '[') return class_matches(pattern, at, c);
  if (pattern[at] == '\\' && at + 1 < pattern.size()) ++at;
  return pattern[at++] == c;
}

}  // namespace

bool glob_matches(std::string_view pattern, std::string_view text) noexcept {
  std::size_t p = 0;
  std::size_t t = 0;
  std::size_t star = std::string_view::npos;
  std::size_t star_text = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = ++p;
      star_text = t;
      continue;
    }
    std::size_t next = p;
    if (p < pattern.size() && element_matches(pattern, next, text[t])) {
      p = next;
      ++t;
      continue;
    }
    if (star == std::string_view::npos) return false;
    p = star;
    t = ++star_text;
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

std::optional<std::string_view> glob_prefix(std::string_view pattern) noexcept {
  if (!pattern.ends_with(":*")) return std::nullopt;
  const auto prefix = pattern.substr(0, pattern.size() - 2);
  if (prefix.empty() || prefix.ends_with(':') || prefix.find_first_of("*?[]\\") != std::string_view::npos)
    return std::nullopt;
  return prefix;
}

std::string_view prefix_without_boundary(std::string_view prefix) noexcept {
  if (prefix.ends_with(':')) prefix.remove_suffix(1);
  return prefix;
}

}  // namespace strata
