#include "resp/tokenizer.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <limits>
#include <optional>

namespace strata::resp {

namespace {

constexpr std::size_t ending = 2;  // CR LF

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// Decimal digits and nothing else.
std::optional<std::uint64_t> parse_length(std::string_view digits) {
  if (digits.empty() || digits.size() > 18) return std::nullopt;
  std::uint64_t length = 0;
  for (const char c : digits) {
    if (!is_digit(c)) return std::nullopt;
    length = length * 10 + static_cast<unsigned>(c - '0');
  }
  return length;
}

std::optional<std::int64_t> parse_number(std::string_view text) {
  if (text.starts_with('+')) {
    text.remove_prefix(1);
    if (text.starts_with('-')) return std::nullopt;
  }
  std::int64_t number = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failed != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<double> parse_real(std::string_view text) {
  if (text == "inf") return std::numeric_limits<double>::infinity();
  if (text == "-inf") return -std::numeric_limits<double>::infinity();
  if (text == "nan" || text == "-nan") return std::numeric_limits<double>::quiet_NaN();
  if (text.starts_with('+')) text.remove_prefix(1);
  // What from_chars takes besides decimal numbers begins with a letter.
  const auto first = text.substr(text.starts_with('-') ? 1 : 0, 1);
  if (first.empty() || !(is_digit(first[0]) || first[0] == '.')) return std::nullopt;
  double number = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (end != text.data() + text.size()) return std::nullopt;
  if (failed == std::errc::result_out_of_range) return number;
  if (failed != std::errc()) return std::nullopt;
  return number;
}

bool is_big_number(std::string_view text) {
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  return !text.empty() && std::ranges::all_of(text, is_digit);
}

}  // namespace

parse_status tokenizer::next(std::string_view& input, token& into) noexcept {
  const auto from = std::min(scanned_, input.size());
  const void* found = std::memchr(input.data() + from, '\n', input.size() - from);
  if (found == nullptr) {
    if (input.size() > limits_.line_size + ending) return refuse("a line is too long");
    scanned_ = input.size();
    wanted_ = input.size() + 1;
    return parse_status::incomplete;
  }
  const auto end = static_cast<std::size_t>(static_cast<const char*>(found) - input.data());
  if (end < ending || input[end - 1] != '\r') return refuse("a line does not end in CR LF");
  if (end > limits_.line_size + ending) return refuse("a line is too long");
  scanned_ = 0;
  into.streamed = false;
  switch (input[0]) {
    case '$':
    case '=':
    case '!':
    case ';':
      return blob(input, into, end);
    default:
      return line(input, into, end);
  }
}

parse_status tokenizer::blob(std::string_view& input, token& into, std::size_t end) noexcept {
  const char type = input[0];
  const auto text = input.substr(1, end - ending);
  const auto head = end + 1;
  if (type == '$' && (text == "?" || text == "-1")) {
    into.is = text == "?" ? token_kind::streamed_string : token_kind::null;
    into.text = {};
    input.remove_prefix(head);
    return parse_status::complete;
  }
  const auto length = parse_length(text);
  if (!length) return refuse("a string's length is malformed");
  if (*length > limits_.string_size) return refuse("a string is too long");
  if (type == ';' && *length == 0) {
    into.is = token_kind::part;
    into.text = {};
    input.remove_prefix(head);
    return parse_status::complete;
  }
  const auto size = static_cast<std::size_t>(*length);
  if (input.size() < head + size + ending) {
    wanted_ = head + size + ending;
    return parse_status::incomplete;
  }
  into.text = input.substr(head, size);
  if (input[head + size] != '\r' || input[head + size + 1] != '\n') {
    return refuse("a string does not end in CR LF");
  }
  if (type == '=') {
    if (size < 4 || into.text[3] != ':') return refuse("a verbatim string has no format");
    into.is = token_kind::verbatim_string;
  } else {
    into.is = type == '$' ? token_kind::bulk_string : type == ';' ? token_kind::part : token_kind::bulk_error;
  }
  input.remove_prefix(head + size + ending);
  return parse_status::complete;
}

parse_status tokenizer::aggregate(std::string_view text, token& into) noexcept {
  into.text = {};
  into.count = 0;
  if (text == "?" && into.is != token_kind::push) {
    into.streamed = true;
    return parse_status::complete;
  }
  if (text == "-1" && into.is == token_kind::array) {
    into.is = token_kind::null;
    return parse_status::complete;
  }
  const auto length = parse_length(text);
  if (!length) return refuse("an aggregate's length is malformed");
  if (*length > limits_.elements) return refuse("a message has too many elements");
  const bool pairs = into.is == token_kind::map || into.is == token_kind::attribute;
  into.count = pairs ? *length * 2 : *length;
  return parse_status::complete;
}

parse_status tokenizer::line(std::string_view& input, token& into, std::size_t end) noexcept {
  const char type = input[0];
  const auto text = input.substr(1, end - ending);
  into.text = text;
  auto done = parse_status::complete;
  switch (type) {
    case '+':
    case '-':
      if (text.contains('\r')) return refuse("a simple string holds a CR");
      into.is = type == '+' ? token_kind::simple_string : token_kind::simple_error;
      break;
    case ':': {
      const auto number = parse_number(text);
      if (!number) return refuse("a number is malformed");
      into.is = token_kind::number;
      into.number = *number;
      break;
    }
    case '_':
      if (!text.empty()) return refuse("a null is malformed");
      into.is = token_kind::null;
      break;
    case '#':
      if (text != "t" && text != "f") return refuse("a boolean is malformed");
      into.is = token_kind::boolean;
      into.yes = text == "t";
      break;
    case ',': {
      const auto number = parse_real(text);
      if (!number) return refuse("a double is malformed");
      into.is = token_kind::real;
      into.real = *number;
      break;
    }
    case '(':
      if (!is_big_number(text)) return refuse("a big number is malformed");
      into.is = token_kind::big_number;
      break;
    case '.':
      if (!text.empty()) return refuse("an end is malformed");
      into.is = token_kind::end;
      break;
    case '*':
      into.is = token_kind::array;
      done = aggregate(text, into);
      break;
    case '~':
      into.is = token_kind::set;
      done = aggregate(text, into);
      break;
    case '%':
      into.is = token_kind::map;
      done = aggregate(text, into);
      break;
    case '>':
      into.is = token_kind::push;
      done = aggregate(text, into);
      break;
    case '|':
      into.is = token_kind::attribute;
      done = aggregate(text, into);
      break;
    default:
      return refuse("no RESP3 type begins like this");
  }
  input.remove_prefix(end + 1);
  return done;
}

}  // namespace strata::resp
