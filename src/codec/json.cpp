#include <strata/json.hpp>

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
      detail::append_double(out, value.get_double());
      return;
    case boost::json::kind::string:
      append_string(out, value.get_string());
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
        append_string(out, each.key());
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

void append_string(std::string& out, std::string_view text) {
  static constexpr char hex[] = "0123456789abcdef";
  out += '"';
  std::size_t copied = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
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
  out.append(text, copied);
  out += '"';
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

void append_double(std::string& out, double number) {
  // JSON has no infinities; like other writers, we write null.
  if (!std::isfinite(number)) {
    out += "null";
    return;
  }
  append_number(out, number);
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
