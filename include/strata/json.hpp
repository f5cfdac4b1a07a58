#pragma once
/// JSON for plain structs: `BOOST_DESCRIBE_STRUCT(agent, (), (id, name))` and nothing else to write.
/// Threads: pure functions.
///
/// Understood: bool, integers, double, std::string, std::optional (null or absent), std::vector,
/// std::map with string keys, described structs, and `json::raw`, a document kept as its text.
/// Reading is strict: unknown fields, missing fields, wrong types and numbers out of range are
/// problems, each with its JSON pointer (RFC 6901).

#include <strata/error.hpp>
#include <strata/is_optional.hpp>

#include <boost/describe.hpp>
#include <boost/json/value.hpp>
#include <boost/mp11/algorithm.hpp>

#include <concepts>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace strata::json {

/// A JSON document kept as text. Requires: `text` is valid JSON.
struct raw {
  std::string text = "{}";
  friend bool operator==(const raw&, const raw&) = default;
};

/// One thing that is wrong with a document, and where.
struct problem {
  std::string pointer;  ///< "" is the document itself
  std::string detail;
};

/// What `parse` accepts. A text from a client needs bounds; a text that this program wrote does not.
struct parse_limits {
  /// Members of all objects together.
  std::size_t members = std::numeric_limits<std::size_t>::max();
};

/// Parses one JSON text: UTF-8 checked, at most 64 levels deep; an object with two members of one name is
/// refused.
/// Errors: invalid_argument with "line L, column C: what".
/// Cost: O(size), whatever names the members have.
result<boost::json::value> parse(std::string_view text, parse_limits at_most = {});

/// `value` as compact text.
std::string to_text(const boost::json::value& value);

/// Appends `text` as a JSON string with its quotes. Requires: valid UTF-8.
void append_string(std::string& out, std::string_view text);

namespace detail {

void append_double(std::string& out, double number);
void append_integer(std::string& out, std::int64_t number);
void append_integer(std::string& out, std::uint64_t number);
std::string kind_of(const boost::json::value& value);
std::string child(const std::string& pointer, std::string_view name);
std::string child(const std::string& pointer, std::size_t index);

template <class T>
concept described = boost::describe::has_describe_members<T>::value;

template <class T>
using members_of = boost::describe::describe_members<T, boost::describe::mod_any_access>;

}  // namespace detail

/// Appends `value` to `out` as compact JSON. Cost: one pass, no tree.
template <class T>
void write(std::string& out, const T& value);
template <class T>
void write(std::string& out, const std::optional<T>& value);
template <class T>
void write(std::string& out, const std::vector<T>& value);
template <class T>
void write(std::string& out, const std::map<std::string, T>& value);

template <class T>
void write(std::string& out, const T& value) {
  if constexpr (std::same_as<T, bool>) {
    out += value ? "true" : "false";
  } else if constexpr (std::signed_integral<T>) {
    detail::append_integer(out, static_cast<std::int64_t>(value));
  } else if constexpr (std::unsigned_integral<T>) {
    detail::append_integer(out, static_cast<std::uint64_t>(value));
  } else if constexpr (std::floating_point<T>) {
    detail::append_double(out, value);
  } else if constexpr (std::same_as<T, raw>) {
    out += value.text;
  } else if constexpr (std::convertible_to<const T&, std::string_view>) {
    append_string(out, value);
  } else {
    static_assert(detail::described<T>, "describe the struct: BOOST_DESCRIBE_STRUCT(T, (), (…))");
    out += '{';
    bool first = true;
    boost::mp11::mp_for_each<detail::members_of<T>>([&](auto member) {
      if (!first) out += ',';
      first = false;
      append_string(out, member.name);
      out += ':';
      write(out, value.*member.pointer);
    });
    out += '}';
  }
}

template <class T>
void write(std::string& out, const std::optional<T>& value) {
  if (value) {
    write(out, *value);
  } else {
    out += "null";
  }
}

template <class T>
void write(std::string& out, const std::vector<T>& value) {
  out += '[';
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (i != 0) out += ',';
    write(out, value[i]);
  }
  out += ']';
}

template <class T>
void write(std::string& out, const std::map<std::string, T>& value) {
  out += '{';
  bool first = true;
  for (const auto& [name, each] : value) {
    if (!first) out += ',';
    first = false;
    append_string(out, name);
    out += ':';
    write(out, each);
  }
  out += '}';
}

template <class T>
std::string text_of(const T& value) {
  std::string out;
  write(out, value);
  return out;
}

/// Reads `from` into `into`; appends what is wrong to `problems`, all of it, not only the first.
template <class T>
void convert(const boost::json::value& from, T& into, const std::string& pointer,
             std::vector<problem>& problems);

namespace detail {

template <class T>
void convert_integer(const boost::json::value& from, T& into, const std::string& pointer,
                     std::vector<problem>& problems) {
  if (const auto* n = from.if_int64(); n != nullptr) {
    if (std::in_range<T>(*n)) {
      into = static_cast<T>(*n);
      return;
    }
  } else if (const auto* u = from.if_uint64(); u != nullptr) {
    if (std::in_range<T>(*u)) {
      into = static_cast<T>(*u);
      return;
    }
  } else {
    problems.push_back({pointer, "must be an integer, not " + kind_of(from)});
    return;
  }
  problems.push_back({pointer, "is out of range"});
}

template <class T>
void convert_members(const boost::json::object& from, T& into, const std::string& pointer,
                     std::vector<problem>& problems) {
  boost::mp11::mp_for_each<members_of<T>>([&](auto member) {
    using field = std::remove_cvref_t<decltype(into.*member.pointer)>;
    if (const auto* found = from.if_contains(member.name); found != nullptr) {
      convert(*found, into.*member.pointer, child(pointer, member.name), problems);
    } else if (!strata::detail::is_optional<field>::value) {
      problems.push_back({child(pointer, member.name), "is missing"});
    }
  });
  for (const auto& each : from) {
    bool known = false;
    boost::mp11::mp_for_each<members_of<T>>([&](auto member) { known = known || each.key() == member.name; });
    if (!known) problems.push_back({child(pointer, each.key()), "is not a known field"});
  }
}

}  // namespace detail

template <class T>
void convert(const boost::json::value& from, std::optional<T>& into, const std::string& pointer,
             std::vector<problem>& problems) {
  if (from.is_null()) {
    into.reset();
  } else {
    convert(from, into.emplace(), pointer, problems);
  }
}

template <class T>
void convert(const boost::json::value& from, std::vector<T>& into, const std::string& pointer,
             std::vector<problem>& problems) {
  const auto* items = from.if_array();
  if (items == nullptr) {
    problems.push_back({pointer, "must be an array, not " + detail::kind_of(from)});
    return;
  }
  into.clear();
  into.reserve(items->size());
  for (std::size_t i = 0; i < items->size(); ++i) {
    convert((*items)[i], into.emplace_back(), detail::child(pointer, i), problems);
  }
}

template <class T>
void convert(const boost::json::value& from, std::map<std::string, T>& into, const std::string& pointer,
             std::vector<problem>& problems) {
  const auto* fields = from.if_object();
  if (fields == nullptr) {
    problems.push_back({pointer, "must be an object, not " + detail::kind_of(from)});
    return;
  }
  into.clear();
  for (const auto& each : *fields) {
    convert(each.value(), into[std::string(each.key())], detail::child(pointer, each.key()), problems);
  }
}

template <class T>
void convert(const boost::json::value& from, T& into, const std::string& pointer,
             std::vector<problem>& problems) {
  if constexpr (std::same_as<T, bool>) {
    if (const auto* b = from.if_bool(); b != nullptr) {
      into = *b;
    } else {
      problems.push_back({pointer, "must be true or false, not " + detail::kind_of(from)});
    }
  } else if constexpr (std::integral<T>) {
    detail::convert_integer(from, into, pointer, problems);
  } else if constexpr (std::floating_point<T>) {
    if (from.is_number()) {
      into = static_cast<T>(from.to_number<double>());
    } else {
      problems.push_back({pointer, "must be a number, not " + detail::kind_of(from)});
    }
  } else if constexpr (std::same_as<T, std::string>) {
    if (const auto* s = from.if_string(); s != nullptr) {
      into.assign(s->data(), s->size());
    } else {
      problems.push_back({pointer, "must be a string, not " + detail::kind_of(from)});
    }
  } else if constexpr (std::same_as<T, raw>) {
    into.text = to_text(from);
  } else {
    static_assert(detail::described<T>, "describe the struct: BOOST_DESCRIBE_STRUCT(T, (), (…))");
    if (const auto* object = from.if_object(); object != nullptr) {
      detail::convert_members(*object, into, pointer, problems);
    } else {
      problems.push_back({pointer, "must be an object, not " + detail::kind_of(from)});
    }
  }
}

/// "/name: must be a string, not a number; /age: is missing"
std::string describe(const std::vector<problem>& problems);

/// Parses and reads `text`. Errors: invalid_argument that names every problem.
template <class T>
result<T> read(std::string_view text) {
  auto parsed = parse(text);
  if (!parsed) return std::unexpected(parsed.error());
  T value{};
  std::vector<problem> problems;
  convert(*parsed, value, "", problems);
  if (!problems.empty()) return fail(errc::invalid_argument, describe(problems));
  return value;
}

}  // namespace strata::json
