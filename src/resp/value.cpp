#include "resp/value.hpp"

#include <algorithm>
#include <bit>
#include <charconv>

namespace strata::resp {

namespace {

template <class T>
std::optional<T> parsed(std::string_view text) noexcept {
  T number{};
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failed != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

constexpr std::size_t format_size = 3;

void append_quoted(std::string& out, std::string_view text, std::size_t longest) {
  static constexpr char hex[] = "0123456789abcdef";
  out += '"';
  for (const char c : text.substr(0, longest)) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte == 0x7f) {
      out += "\\x";
      out += hex[byte >> 4];
      out += hex[byte & 15];
    } else {
      out += c;
    }
  }
  out += text.size() > longest ? "…\"" : "\"";
}

void append(std::string& out, const value& of, std::size_t longest) {
  switch (of.is()) {
    case kind::null:
      out += "null";
      return;
    case kind::boolean:
      out += *of.boolean() ? "true" : "false";
      return;
    case kind::number:
      out += std::to_string(*of.integer());
      return;
    case kind::real: {
      char digits[32];
      out.append(digits, std::to_chars(digits, digits + sizeof digits, *of.real()).ptr);
      return;
    }
    case kind::big_number:
    case kind::simple_string:
      out += of.text().substr(0, longest);
      return;
    case kind::simple_error:
    case kind::bulk_error:
      out += '-';
      out += of.text().substr(0, longest);
      return;
    case kind::bulk_string:
    case kind::verbatim_string:
      append_quoted(out, of.text(), longest);
      return;
    case kind::array:
    case kind::set:
    case kind::map:
    case kind::push:
      break;
  }
  const bool pairs = of.is() == kind::map;
  const auto items = of.items();
  out += of.is() == kind::push ? ">[" : of.is() == kind::array ? "[" : "{";
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (i > 0) out += pairs && i % 2 == 1 ? " => " : ", ";
    append(out, items[i], longest);
  }
  out += of.is() == kind::push || of.is() == kind::array ? ']' : '}';
}

}  // namespace

std::string_view value::text() const noexcept {
  const auto* held = std::get_if<std::string>(&held_);
  if (held == nullptr) return {};
  const std::string_view all = *held;
  return kind_ == resp::kind::verbatim_string ? all.substr(format_size + 1) : all;
}

std::string value::take_text() && {
  auto* held = std::get_if<std::string>(&held_);
  if (held == nullptr) return {};
  std::string taken = std::move(*held);
  if (kind_ == resp::kind::verbatim_string) taken.erase(0, format_size + 1);
  kind_ = resp::kind::bulk_string;
  held->clear();
  return taken;
}

std::string_view value::format() const noexcept {
  const auto* held = std::get_if<std::string>(&held_);
  if (held == nullptr || kind_ != resp::kind::verbatim_string) return {};
  return std::string_view(*held).substr(0, format_size);
}

std::optional<std::int64_t> value::integer() const noexcept {
  if (const auto* number = std::get_if<std::int64_t>(&held_)) return *number;
  if (is_text()) return parsed<std::int64_t>(text());
  return std::nullopt;
}

std::optional<double> value::real() const noexcept {
  if (const auto* number = std::get_if<double>(&held_)) return *number;
  if (const auto* number = std::get_if<std::int64_t>(&held_)) return static_cast<double>(*number);
  if (is_text()) return parsed<double>(text());
  return std::nullopt;
}

std::optional<bool> value::boolean() const noexcept {
  if (const auto* yes = std::get_if<bool>(&held_)) return *yes;
  const auto* number = std::get_if<std::int64_t>(&held_);
  if (number != nullptr && (*number == 0 || *number == 1)) return *number == 1;
  return std::nullopt;
}

std::span<const value> value::items() const noexcept {
  const auto* held = std::get_if<std::vector<value>>(&held_);
  return held == nullptr ? std::span<const value>() : *held;
}

std::span<value> value::items() noexcept {
  auto* held = std::get_if<std::vector<value>>(&held_);
  return held == nullptr ? std::span<value>() : *held;
}

const value* value::find(std::string_view key) const noexcept {
  if (kind_ != resp::kind::map) return nullptr;
  const auto all = items();
  for (std::size_t i = 0; i + 1 < all.size(); i += 2) {
    if (all[i].is_text() && all[i].text() == key) return &all[i + 1];
  }
  return nullptr;
}

reply_error value::error() const noexcept {
  const auto message = text();
  return {.code = message.substr(0, message.find(' ')), .message = message};
}

std::span<const value> value::attributes() const noexcept {
  return attributes_ ? std::span<const value>(*attributes_) : std::span<const value>();
}

void value::add_attributes(std::vector<value> more) {
  if (more.empty()) return;
  if (!attributes_) attributes_ = std::make_unique<std::vector<value>>();
  for (auto& each : more) attributes_->push_back(std::move(each));
}

bool operator==(const value& a, const value& b) {
  if (a.kind_ != b.kind_ || a.held_.index() != b.held_.index()) return false;
  if (const auto* real = std::get_if<double>(&a.held_)) {
    // By their bits, so that NaN equals itself.
    if (std::bit_cast<std::uint64_t>(*real) != std::bit_cast<std::uint64_t>(std::get<double>(b.held_)))
      return false;
  } else if (a.held_ != b.held_) {
    return false;
  }
  const auto left = a.attributes();
  const auto right = b.attributes();
  return std::equal(left.begin(), left.end(), right.begin(), right.end());
}

std::string to_text(const value& of, std::size_t longest) {
  std::string out;
  append(out, of, longest);
  return out;
}

}  // namespace strata::resp
