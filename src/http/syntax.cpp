#include "http/syntax.hpp"

#include <algorithm>
#include <limits>

namespace strata::http {

namespace {

bool is_space(char c) {
  return c == ' ' || c == '\t';
}

/// The length of the quoted string at the start of `text`, quotes included; npos if it is not closed.
std::size_t quoted_length(std::string_view text) {
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      return i + 1;
    }
  }
  return std::string_view::npos;
}

}  // namespace

bool is_token(std::string_view text) noexcept {
  return !text.empty() && std::ranges::all_of(text, is_token_char);
}

bool is_field_value(std::string_view text) noexcept {
  // Without an early exit, so that the compiler can do sixteen bytes at a time.
  unsigned bad = 0;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    bad |= static_cast<unsigned>((byte < 0x20) & (byte != '\t')) | static_cast<unsigned>(byte == 0x7f);
  }
  return bad == 0;
}

bool iequals(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (lower(a[i]) != lower(b[i])) return false;
  }
  return true;
}

std::string_view trim(std::string_view text) noexcept {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

std::optional<std::uint64_t> parse_number(std::string_view digits) noexcept {
  if (digits.empty()) return {};
  constexpr auto largest = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t number = 0;
  for (const char c : digits) {
    if (!is_digit(c)) return {};
    const auto digit = static_cast<std::uint64_t>(c - '0');
    number = number > (largest - digit) / 10 ? largest : number * 10 + digit;
    if (number == largest) {
      // Saturated: only the remaining characters' form still matters.
      return std::ranges::all_of(digits, is_digit) ? std::optional(largest) : std::nullopt;
    }
  }
  return number;
}

std::optional<std::string_view> list_reader::next() noexcept {
  while (!rest_.empty()) {
    std::size_t end = 0;
    while (end < rest_.size() && rest_[end] != separator_) {
      if (rest_[end] == '"') {
        const auto length = quoted_length(rest_.substr(end));
        end = length == std::string_view::npos ? rest_.size() : end + length;
      } else {
        ++end;
      }
    }
    const auto element = trim(rest_.substr(0, end));
    rest_.remove_prefix(std::min(rest_.size(), end + 1));
    if (!element.empty()) return element;
  }
  return {};
}

parameter_text split_parameter(std::string_view element) noexcept {
  const auto equals = element.find('=');
  if (equals == std::string_view::npos) return {trim(element), {}};
  auto value = trim(element.substr(equals + 1));
  if (value.size() >= 2 && value.front() == '"' && quoted_length(value) == value.size()) {
    value = value.substr(1, value.size() - 2);
  }
  return {trim(element.substr(0, equals)), value};
}

std::optional<unsigned> parse_weight(std::string_view text) noexcept {
  if (text.empty() || text.size() > 5 || (text[0] != '0' && text[0] != '1')) return {};
  if (text.size() > 1 && text[1] != '.') return {};
  unsigned thousandths = static_cast<unsigned>(text[0] - '0') * 1000;
  unsigned scale = 100;
  for (const char c : text.substr(std::min<std::size_t>(2, text.size()))) {
    if (!is_digit(c)) return {};
    thousandths += static_cast<unsigned>(c - '0') * scale;
    scale /= 10;
  }
  if (thousandths > 1000) return {};
  return thousandths;
}

}  // namespace strata::http
