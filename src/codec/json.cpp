#include <strata/json.hpp>

#include "codec/json_spaces.hpp"
#include "core/text.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <charconv>
#include <cmath>
#include <utility>

namespace strata::json {

namespace {

template <class N>
void append_number(std::string& out, N number) {
  char text[32];
  out.append(text, std::to_chars(text, text + sizeof text, number).ptr);
}

// The parser reads a number without a fraction or an exponent as an integer.
void append_number_of_tree(std::string& out, double number) {
  const auto begin = out.size();
  append_number(out, number);
  if (out.find_first_of(".e", begin) == std::string::npos) out += ".0";
}

void must(bool possible, const char* what) {
  if (!possible) throw std::invalid_argument(std::string("a JSON value holds ") + what);
}

// Boost's own serializer writes 0.3 as 3E-1: correct, but a user who sent 0.3 expects 0.3.
void append_value(std::string& out, const boost::json::value& value) {
  switch (value.kind()) {
    case boost::json::kind::null:
      out += "null";
      return;
    case boost::json::kind::bool_:
      out += value.get_bool() ? "true" : "false";
      return;
    case boost::json::kind::int64:
      append_number(out, value.get_int64());
      return;
    case boost::json::kind::uint64:
      append_number(out, value.get_uint64());
      return;
    case boost::json::kind::double_:
      must(std::isfinite(value.get_double()), "a number that is not finite");
      append_number_of_tree(out, value.get_double());
      return;
    case boost::json::kind::string:
      must(append_string(out, value.get_string()), "text that is not UTF-8");
      return;
    case boost::json::kind::array: {
      out += '[';
      bool first = true;
      for (const auto& each : value.get_array()) {
        if (!std::exchange(first, false)) out += ',';
        append_value(out, each);
      }
      out += ']';
      return;
    }
    case boost::json::kind::object: {
      out += '{';
      bool first = true;
      for (const auto& each : value.get_object()) {
        if (!std::exchange(first, false)) out += ',';
        must(append_string(out, each.key()), "a name that is not UTF-8");
        out += ':';
        append_value(out, each.value());
      }
      out += '}';
      return;
    }
  }
}

}  // namespace

std::string to_text(const boost::json::value& value) {
  std::string out;
  append_value(out, value);
  return out;
}

bool append_string(std::string& out, std::string_view text) {
  static constexpr char hex[] = "0123456789abcdef";
  const auto before = out.size();
  bool ascii = true;
  out += '"';
  std::size_t copied = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    ascii = ascii && byte < 0x80;
    if (byte >= 0x20 && byte != '"' && byte != '\\') continue;
    out.append(text, copied, i - copied);
    copied = i + 1;
    switch (byte) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        out += "\\u00";
        out += hex[byte >> 4];
        out += hex[byte & 15];
    }
  }
  if (!ascii && !strata::detail::is_utf8(text)) {
    out.resize(before);
    return false;
  }
  out.append(text, copied);
  out += '"';
  return true;
}

std::string describe(const std::vector<problem>& problems) {
  std::string text;
  for (const auto& each : problems) {
    if (!text.empty()) text += "; ";
    text += each.pointer.empty() ? "the document" : each.pointer;
    text += ' ';
    text += each.detail;
  }
  return text;
}

namespace detail {

bool text_writer::refuse(std::string_view what) {
  why = what;
  return false;
}

bool text_writer::refused_in(std::string_view name) {
  pointer = child("", name) + pointer;
  return false;
}

bool text_writer::refused_in(std::size_t index) {
  pointer = child("", index) + pointer;
  return false;
}

error text_writer::failure() const {
  return {errc::invalid_argument, describe({{pointer, why}})};
}

bool append_text(text_writer& to, std::string_view text) {
  return append_string(to.out, text) || to.refuse("is text that is not UTF-8");
}

bool append_document(text_writer& to, std::string_view text) {
  if (auto parsed = parse(text, {.numbers = number_rule::nearest}); !parsed)
    return to.refuse("is " + parsed.error().detail);
  to.out += text;
  return true;
}

bool append_double(text_writer& to, double number) {
  if (!std::isfinite(number)) return to.refuse("is not a finite number, and JSON has no other");
  append_number(to.out, number);
  if (number == 0 && std::signbit(number)) to.out += ".0";
  return true;
}

bool check_not_null(text_writer& to, std::size_t begin) {
  const auto written = trimmed(std::string_view(to.out).substr(begin));
  return written != "null" || to.refuse("is an optional whose value would be read as none");
}

void append_integer(std::string& out, std::int64_t number) {
  append_number(out, number);
}
void append_integer(std::string& out, std::uint64_t number) {
  append_number(out, number);
}

std::string kind_of(const boost::json::value& value) {
  switch (value.kind()) {
    case boost::json::kind::null:
      return "null";
    case boost::json::kind::bool_:
      return "a boolean";
    case boost::json::kind::int64:
    case boost::json::kind::uint64:
    case boost::json::kind::double_:
      return "a number";
    case boost::json::kind::string:
      return "a string";
    case boost::json::kind::array:
      return "an array";
    case boost::json::kind::object:
      return "an object";
  }
  return "something else";
}

std::string child(const std::string& pointer, std::string_view name) {
  std::string path = pointer + '/';
  for (const char c : name) {
    if (c == '~') {
      path += "~0";
    } else if (c == '/') {
      path += "~1";
    } else {
      path += c;
    }
  }
  return path;
}

std::string child(const std::string& pointer, std::size_t index) {
  return pointer + '/' + std::to_string(index);
}

}  // namespace detail

}  // namespace strata::json
