#include "platform/fields.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace strata::platform {

namespace {

namespace json = boost::json;

std::string_view kind_of(const json::value& value) {
  switch (value.kind()) {
    case json::kind::null:
      return "null";
    case json::kind::bool_:
      return "true or false";
    case json::kind::string:
      return "a string";
    case json::kind::array:
      return "an array";
    case json::kind::object:
      return "an object";
    default:
      return "a number";
  }
}

bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

std::optional<std::string> wrong_text(std::string_view text, const text_rule& rule) {
  const auto length = characters(text);
  if (length < rule.min) {
    return rule.min == 1 ? std::string("must not be empty")
                         : fmt::format("must have at least {} characters, not {}", rule.min, length);
  }
  if (length > rule.max) return fmt::format("must have at most {} characters, not {}", rule.max, length);
  const auto bad = [&](char c) {
    return is_control(c) && !(rule.lines && (c == '\n' || c == '\r' || c == '\t'));
  };
  if (std::ranges::any_of(text, bad)) return "must not hold control characters";
  if (rule.min > 0 && text.find_first_not_of(' ') == std::string_view::npos) return "must not be blank";
  return {};
}

}  // namespace

std::string pointer_to(std::string_view name) {
  std::string out = "/";
  for (const char c : name.substr(0, 100)) {
    if (c == '~') {
      out += "~0";
    } else if (c == '/') {
      out += "~1";
    } else {
      out += c;
    }
  }
  // A name may have been cut inside a character.
  if (name.size() > 100) {
    while (!out.empty() && (static_cast<unsigned char>(out.back()) & 0xc0) == 0x80) out.pop_back();
    if (static_cast<unsigned char>(out.back()) >= 0x80) out.pop_back();
  }
  return out;
}

std::size_t characters(std::string_view text) noexcept {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

bool plausible_email(std::string_view text) noexcept {
  const auto at = text.find('@');
  if (text.size() > 254 || at == 0 || at == std::string_view::npos || at > 64) return false;
  const auto domain = text.substr(at + 1);
  const auto dot = domain.find('.');
  if (domain.contains('@') || dot == 0 || dot == std::string_view::npos || domain.back() == '.') return false;
  return std::ranges::none_of(text, [](char c) { return c == ' ' || is_control(c) || c == '<' || c == '>'; });
}

field_reader::field_reader(const json::value& from, mode how) : from_(from.if_object()), how_(how) {
  if (from_ == nullptr) problems_.push_back({"", fmt::format("must be an object, not {}", kind_of(from))});
}

const json::value* field_reader::take(std::string_view name) {
  known_.push_back(name);
  return from_ == nullptr ? nullptr : from_->if_contains(name);
}

const json::value* field_reader::wanted(std::string_view name, bool has_default) {
  const auto* found = take(name);
  if (from_ == nullptr) return nullptr;
  if (found == nullptr) {
    if (how_ == mode::create && !has_default) problem(name, "is missing");
    return nullptr;
  }
  if (found->is_null() && !has_default) {
    problem(name, how_ == mode::patch ? "cannot be removed" : "must not be null");
    return nullptr;
  }
  return found->is_null() ? nullptr : found;
}

bool field_reader::has(std::string_view name) const {
  return from_ != nullptr && from_->contains(name);
}

void field_reader::problem(std::string_view name, std::string detail) {
  problem_at(pointer_to(name), std::move(detail));
}

void field_reader::problem_at(std::string pointer, std::string detail) {
  problems_.push_back({std::move(pointer), std::move(detail)});
}

namespace {

// The value of a field that is missing or null: its default on create, and on patch if it is null.
template <class T, class From>
std::optional<T> fallback(field_reader::mode how, bool present, const std::optional<From>& otherwise) {
  if (!otherwise || (how == field_reader::mode::patch && !present)) return {};
  return T(*otherwise);
}

}  // namespace

std::optional<std::string> field_reader::text(std::string_view name, const text_rule& rule) {
  const auto* found = wanted(name, rule.otherwise.has_value());
  if (found == nullptr) return fallback<std::string>(how_, has(name), rule.otherwise);
  const auto* text = found->if_string();
  if (text == nullptr) {
    problem(name, fmt::format("must be a string, not {}", kind_of(*found)));
    return {};
  }
  if (auto wrong = wrong_text(*text, rule)) {
    problem(name, std::move(*wrong));
    return {};
  }
  return std::string(*text);
}

std::optional<std::string> field_reader::choice(std::string_view name,
                                                std::span<const std::string_view> allowed,
                                                std::optional<std::string_view> otherwise) {
  const auto* found = wanted(name, otherwise.has_value());
  if (found == nullptr) return fallback<std::string>(how_, has(name), otherwise);
  const auto* text = found->if_string();
  if (text == nullptr || std::ranges::find(allowed, std::string_view(*text)) == allowed.end()) {
    problem(name, fmt::format("must be one of {}", fmt::join(allowed, ", ")));
    return {};
  }
  return std::string(*text);
}

std::optional<bool> field_reader::flag(std::string_view name, std::optional<bool> otherwise) {
  const auto* found = wanted(name, otherwise.has_value());
  if (found == nullptr) return fallback<bool>(how_, has(name), otherwise);
  if (const auto* value = found->if_bool(); value != nullptr) return *value;
  problem(name, fmt::format("must be true or false, not {}", kind_of(*found)));
  return {};
}

std::optional<std::int64_t> field_reader::count(std::string_view name,
                                                std::optional<std::int64_t> otherwise) {
  const auto* found = wanted(name, otherwise.has_value());
  if (found == nullptr) return fallback<std::int64_t>(how_, has(name), otherwise);
  if (const auto* value = found->if_int64(); value != nullptr && *value >= 0) return *value;
  problem(name, "must be an integer from 0 to 9223372036854775807");
  return {};
}

const json::value* field_reader::any(std::string_view name) {
  return take(name);
}

void field_reader::read_only(std::initializer_list<std::string_view> names) {
  for (const auto name : names) {
    if (take(name) != nullptr) problem(name, "is set by the server and cannot be written");
  }
}

std::vector<field_problem> field_reader::finish() {
  if (from_ != nullptr) {
    for (const auto& each : *from_) {
      if (problems_.size() > max_problems) break;
      if (std::ranges::find(known_, std::string_view(each.key())) == known_.end()) {
        problem(each.key(), "is not a known field");
      }
    }
  }
  if (problems_.size() > max_problems) {
    problems_.resize(max_problems - 1);
    problems_.push_back({"", "has more problems than are listed"});
  }
  return std::move(problems_);
}

}  // namespace strata::platform
