#include "http/target.hpp"

#include "core/percent.hpp"
#include "http/syntax.hpp"

#include <algorithm>

namespace strata::http {

namespace {

bool is_target_char(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte > 0x20 && byte < 0x7f && c != '#';
}

/// unreserved, sub-delims, and the characters of percent-encoding and IPv6 literals (RFC 3986 §3.2.2).
struct host_table {
  bool contains[256]{};
  constexpr host_table() {
    for (int c = '0'; c <= '9'; ++c) contains[c] = true;
    for (int c = 'a'; c <= 'z'; ++c) contains[c] = contains[c - 'a' + 'A'] = true;
    for (const char c : std::string_view("-._~!$&'()*+,;=%:[]"))
      contains[static_cast<unsigned char>(c)] = true;
  }
};
constexpr host_table host_chars;

bool is_host_char(char c) {
  return host_chars.contains[static_cast<unsigned char>(c)];
}

}  // namespace

std::optional<target_parts> split_target(std::string_view target) noexcept {
  if (target.empty() || !std::ranges::all_of(target, is_target_char)) return {};
  target_parts parts;
  if (target == "*") {
    parts.path = target;
    return parts;
  }
  if (target.front() != '/') {
    const std::size_t scheme = iequals(target.substr(0, 7), "http://")    ? 7
                               : iequals(target.substr(0, 8), "https://") ? 8
                                                                          : 0;
    if (scheme == 0) return {};
    const auto end = std::min(target.find_first_of("/?", scheme), target.size());
    parts.authority = target.substr(scheme, end - scheme);
    if (parts.authority.empty() || !is_host(parts.authority)) return {};
    target.remove_prefix(end);
  }
  const auto question = target.find('?');
  parts.path = target.substr(0, question);
  if (parts.path.empty()) parts.path = "/";
  if (question != std::string_view::npos) parts.query = target.substr(question + 1);
  return parts;
}

bool is_host(std::string_view text) noexcept {
  if (!std::ranges::all_of(text, is_host_char)) return false;
  if (text.starts_with('[')) {
    const auto close = text.find(']');
    if (close == std::string_view::npos || text.rfind('[') != 0 || text.rfind(']') != close) return false;
    text.remove_prefix(close + 1);
    if (text.empty()) return true;
    if (text.front() != ':') return false;
  } else if (text.contains('[') || text.contains(']')) {
    return false;
  }
  const auto colon = text.find(':');
  if (colon == std::string_view::npos) return true;
  const auto port = text.substr(colon + 1);
  return port.size() <= 5 && std::ranges::all_of(port, is_digit);
}

bool append_decoded(std::string& out, std::string_view text, bool plus_is_space) {
  const auto start = out.size();
  const auto meaning = plus_is_space ? strata::detail::plus::space : strata::detail::plus::literal;
  if (!strata::detail::append_percent_decoded(out, text, meaning)) return false;
  const auto control = [](unsigned char byte) { return byte < 0x20 || byte == 0x7f; };
  if (std::ranges::any_of(std::string_view(out).substr(start), control)) return false;
  return is_utf8(std::string_view(out).substr(start));
}

}  // namespace strata::http
