#pragma once
/// JSON for plain structs: `BOOST_DESCRIBE_STRUCT(agent, (), (id, name))` and nothing else to write.
/// Threads: pure functions.
///
/// Understood: bool, integers, double, std::string, std::optional (null or absent), std::vector,
/// std::map with string keys, described structs, and `json::raw`, a document kept byte for byte.
/// Reading and writing name a problem by its JSON pointer (RFC 6901).
/// What `write` accepts, `read` and `read_stored` give back as it was.
/// Long because templates for writing stand beside those for reading.

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
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace strata::json {

/// A JSON document kept as its text, byte for byte. `write` refuses a text that is not JSON.
struct raw {
  std::string text = "{}";
  friend bool operator==(const raw&, const raw&) = default;
};

/// One thing that is wrong with a document, and where.
struct problem {
  std::string pointer;  ///< "" is the document itself
  std::string detail;
};

/// How `parse` treats a number that a tree, which has 64-bit integers and doubles, cannot hold as it is:
/// 12345678901234567890123, or a fraction of 30 digits.
enum class number_rule : std::uint8_t {
  exact,   ///< it is a problem
  nearest  ///< the nearest double; for callers that keep the text, or only check it
};

/// What `parse` accepts. A text from a client needs bounds; a text that this program wrote does not.
struct parse_limits {
  /// Members of all objects together.
  std::size_t members = std::numeric_limits<std::size_t>::max();
  number_rule numbers = number_rule::exact;
};

/// Parses one JSON text: UTF-8 checked, at most `max_depth` levels deep; an object with two members of one
/// name is refused.
/// Errors: invalid_argument with "line L, column C: what".
/// Cost: O(size), whatever names the members have.
result<boost::json::value> parse(std::string_view text, parse_limits at_most = {});
inline constexpr std::size_t max_depth = 64;

/// `value` as compact text, which `parse` reads as an equal value: -0.0 and 1.0 remain doubles.
/// Throws std::invalid_argument for a number or a text that JSON does not have.
std::string to_text(const boost::json::value& value);

/// Appends `text` as a JSON string with its quotes. Returns false, and appends nothing, if it is not UTF-8.
bool append_string(std::string& out, std::string_view text);

namespace detail {

/// Where a value is written, and what was refused first.
struct text_writer {
  explicit text_writer(std::string& to) : out(to) {}
  std::string& out;
  std::string pointer;
  std::string why;

  /// Both return false, the second with `name` or `index` before the pointer.
  bool refuse(std::string_view what);
  bool refused_in(std::string_view name);
  bool refused_in(std::size_t index);
  error failure() const;
};

bool append_text(text_writer& to, std::string_view text);
bool append_document(text_writer& to, std::string_view text);
bool append_double(text_writer& to, double number);
/// For the value of an optional, which begins at `begin`: null would be read as no value.
bool check_not_null(text_writer& to, std::size_t begin);

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

namespace detail {

template <class T>
bool append(text_writer& to, const T& value);
template <class T>
bool append(text_writer& to, const std::optional<T>& value);
template <class T>
bool append(text_writer& to, const std::vector<T>& value);
template <class T>
bool append(text_writer& to, const std::map<std::string, T>& value);

template <class T>
bool append(text_writer& to, const T& value) {
  if constexpr (std::same_as<T, bool>) {
    to.out += value ? "true" : "false";
    return true;
  } else if constexpr (std::signed_integral<T>) {
    append_integer(to.out, static_cast<std::int64_t>(value));
    return true;
  } else if constexpr (std::unsigned_integral<T>) {
    append_integer(to.out, static_cast<std::uint64_t>(value));
    return true;
  } else if constexpr (std::floating_point<T>) {
    static_assert(sizeof(T) <= sizeof(double), "a long double has more digits than JSON's readers keep");
    return append_double(to, value);
  } else if constexpr (std::same_as<T, raw>) {
    return append_document(to, value.text);
  } else if constexpr (std::convertible_to<const T&, std::string_view>) {
    return append_text(to, value);
  } else {
    static_assert(described<T>, "describe the struct: BOOST_DESCRIBE_STRUCT(T, (), (…))");
    to.out += '{';
    bool first = true;
    bool good = true;
    boost::mp11::mp_for_each<members_of<T>>([&](auto member) {
      if (!good) return;
      if (!first) to.out += ',';
      first = false;
      append_string(to.out, member.name);
      to.out += ':';
      good = append(to, value.*member.pointer) || to.refused_in(member.name);
    });
    to.out += '}';
    return good;
  }
}

template <class T>
bool append(text_writer& to, const std::optional<T>& value) {
  if (value) {
    const auto begin = to.out.size();
    return append(to, *value) && check_not_null(to, begin);
  }
  to.out += "null";
  return true;
}

template <class T>
bool append(text_writer& to, const std::vector<T>& value) {
  to.out += '[';
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (i != 0) to.out += ',';
    if (!append(to, value[i])) return to.refused_in(i);
  }
  to.out += ']';
  return true;
}

template <class T>
bool append(text_writer& to, const std::map<std::string, T>& value) {
  to.out += '{';
  bool first = true;
  for (const auto& [name, each] : value) {
    if (!first) to.out += ',';
    first = false;
    if (!append_text(to, name)) return false;
    to.out += ':';
    if (!append(to, each)) return to.refused_in(name);
  }
  to.out += '}';
  return true;
}

}  // namespace detail

/// Appends `value` to `out` as compact JSON. Cost: one pass, no tree but for a `raw`, which is checked.
/// Errors: invalid_argument, and `out` is unchanged: a number that JSON does not have (NaN, infinities), text
///         that is not UTF-8, a `raw` that is not JSON, an optional whose value would be read as none.
template <class T>
result<void> write(std::string& out, const T& value) {
  const auto before = out.size();
  detail::text_writer to(out);
  if (detail::append(to, value)) return {};
  out.resize(before);
  return std::unexpected(to.failure());
}

/// `value` as compact JSON. Throws std::invalid_argument where `write` fails.
template <class T>
std::string text_of(const T& value) {
  std::string out;
  if (auto done = write(out, value); !done) throw std::invalid_argument(done.error().detail);
  return out;
}

/// What `convert` and `read` make of members that the text lacks, and of those that the type lacks.
enum class member_rule : std::uint8_t {
  strict,   ///< both are problems, but an optional may be missing
  tolerant  ///< the former keep what their type initialises them to; the latter are ignored
};

/// Reads `from` into `into`; appends what is wrong to `problems`, all of it, not only the first.
template <class T>
void convert(const boost::json::value& from, T& into, const std::string& pointer,
             std::vector<problem>& problems, member_rule members = member_rule::strict);

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
  } else if (const auto* d = from.if_double(); d != nullptr && *d == 0) {
    into = 0;  // "-0", which a tree holds as a double
    return;
  } else {
    problems.push_back({pointer, "must be an integer, not " + kind_of(from)});
    return;
  }
  problems.push_back({pointer, "is out of range"});
}

template <class T>
void convert_members(const boost::json::object& from, T& into, const std::string& pointer,
                     std::vector<problem>& problems, member_rule members) {
  boost::mp11::mp_for_each<members_of<T>>([&](auto member) {
    using field = std::remove_cvref_t<decltype(into.*member.pointer)>;
    if (const auto* found = from.if_contains(member.name); found != nullptr) {
      convert(*found, into.*member.pointer, child(pointer, member.name), problems, members);
    } else if (members == member_rule::strict && !strata::detail::is_optional<field>::value) {
      problems.push_back({child(pointer, member.name), "is missing"});
    }
  });
  if (members == member_rule::tolerant) return;
  for (const auto& each : from) {
    bool known = false;
    boost::mp11::mp_for_each<members_of<T>>([&](auto member) { known = known || each.key() == member.name; });
    if (!known) problems.push_back({child(pointer, each.key()), "is not a known field"});
  }
}

}  // namespace detail

template <class T>
void convert(const boost::json::value& from, std::optional<T>& into, const std::string& pointer,
             std::vector<problem>& problems, member_rule members = member_rule::strict) {
  if (from.is_null()) {
    into.reset();
  } else {
    convert(from, into.emplace(), pointer, problems, members);
  }
}

template <class T>
void convert(const boost::json::value& from, std::vector<T>& into, const std::string& pointer,
             std::vector<problem>& problems, member_rule members = member_rule::strict) {
  const auto* items = from.if_array();
  if (items == nullptr) {
    problems.push_back({pointer, "must be an array, not " + detail::kind_of(from)});
    return;
  }
  into.clear();
  into.reserve(items->size());
  for (std::size_t i = 0; i < items->size(); ++i) {
    convert((*items)[i], into.emplace_back(), detail::child(pointer, i), problems, members);
  }
}

template <class T>
void convert(const boost::json::value& from, std::map<std::string, T>& into, const std::string& pointer,
             std::vector<problem>& problems, member_rule members = member_rule::strict) {
  const auto* fields = from.if_object();
  if (fields == nullptr) {
    problems.push_back({pointer, "must be an object, not " + detail::kind_of(from)});
    return;
  }
  into.clear();
  for (const auto& each : *fields) {
    convert(each.value(), into[std::string(each.key())], detail::child(pointer, each.key()), problems,
            members);
  }
}

template <class T>
void convert(const boost::json::value& from, T& into, const std::string& pointer,
             std::vector<problem>& problems, member_rule members) {
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
      detail::convert_members(*object, into, pointer, problems, members);
    } else {
      problems.push_back({pointer, "must be an object, not " + detail::kind_of(from)});
    }
  }
}

/// "/name: must be a string, not a number; /age: is missing"
std::string describe(const std::vector<problem>& problems);

namespace detail {

/// Steps through the members of an object, or the items of an array, without building a tree.
/// Requires: `text` is a valid JSON object or array. Lifetime: `text` outlives it.
class part_reader {
 public:
  explicit part_reader(std::string_view text);
  bool next();
  /// Without escapes; empty in an array.
  const std::string& name() const noexcept { return name_; }
  /// As it was written, with the spaces around it.
  std::string_view value() const noexcept { return value_; }

 private:
  std::string_view take_value();

  std::string_view rest_;
  bool named_ = false;
  std::string name_;
  std::string_view value_;
};

/// The text as a tree with the nearest doubles; documents in it may be as deep as in `parse`.
result<boost::json::value> parse_stored(std::string_view text);
/// True if a double keeps `number`: an integer as it is, and of others the digits that programs write for a
/// double, 17 at most.
bool double_keeps(std::string_view number);

/// Whether a tree loses something of a `T`: the text of a document, the digits of a double. `Within` are the
/// structs that it is a part of.
template <class T, class... Within>
consteval bool needs_text() {
  if constexpr ((std::same_as<T, Within> || ...)) {
    return false;
  } else if constexpr (std::same_as<T, raw> || std::floating_point<T>) {
    return true;
  } else if constexpr (described<T>) {
    bool any = false;
    boost::mp11::mp_for_each<members_of<T>>([&](auto member) {
      using field = std::remove_cvref_t<decltype(std::declval<T&>().*member.pointer)>;
      any = any || needs_text<field, T, Within...>();
    });
    return any;
  } else if constexpr (requires { typename T::mapped_type; }) {
    return needs_text<typename T::mapped_type, Within...>();
  } else if constexpr (requires { typename T::value_type; }) {
    return needs_text<typename T::value_type, Within...>();
  } else {
    return false;
  }
}

/// Completes `into`, which was converted from the tree of `text`, by what the tree lost.
template <class T>
void take_text(std::string_view text, T& into, const std::string& pointer, std::vector<problem>& problems);
template <class T>
void take_text(std::string_view text, std::optional<T>& into, const std::string& pointer,
               std::vector<problem>& problems) {
  if (into) take_text(text, *into, pointer, problems);
}
template <class T>
void take_text(std::string_view text, std::vector<T>& into, const std::string& pointer,
               std::vector<problem>& problems) {
  part_reader items(text);
  for (std::size_t i = 0; items.next(); ++i) take_text(items.value(), into[i], child(pointer, i), problems);
}
template <class T>
void take_text(std::string_view text, std::map<std::string, T>& into, const std::string& pointer,
               std::vector<problem>& problems) {
  for (part_reader members(text); members.next();) {
    take_text(members.value(), into.at(members.name()), child(pointer, members.name()), problems);
  }
}
template <class T>
void take_text(std::string_view text, T& into, const std::string& pointer, std::vector<problem>& problems) {
  if constexpr (std::same_as<T, raw>) {
    into.text = text;
  } else if constexpr (std::floating_point<T>) {
    if (!double_keeps(text)) problems.push_back({pointer, "has more digits than a double keeps"});
  } else {
    for (part_reader members(text); members.next();) {
      boost::mp11::mp_for_each<members_of<T>>([&](auto member) {
        using field = std::remove_cvref_t<decltype(into.*member.pointer)>;
        if constexpr (needs_text<field>()) {
          if (members.name() == member.name) {
            take_text(members.value(), into.*member.pointer, child(pointer, member.name), problems);
          }
        }
      });
    }
  }
}

template <class T>
result<T> read(std::string_view text, member_rule members) {
  auto parsed = parse_stored(text);
  if (!parsed) return std::unexpected(parsed.error());
  T value{};
  std::vector<problem> problems;
  convert(*parsed, value, "", problems, members);
  if constexpr (needs_text<T>()) {
    if (problems.empty()) take_text(text, value, "", problems);
  }
  if (!problems.empty()) return fail(errc::invalid_argument, describe(problems));
  return value;
}

}  // namespace detail

/// Parses and reads `text`. A `raw` gets its part of the text with the spaces around it.
/// Errors: invalid_argument that names every problem.
template <class T>
result<T> read(std::string_view text) {
  return detail::read<T>(text, member_rule::strict);
}

/// Reads what a program of another release may have written: member_rule::tolerant.
/// Errors: invalid_argument that names every problem.
template <class T>
result<T> read_stored(std::string_view text) {
  return detail::read<T>(text, member_rule::tolerant);
}

}  // namespace strata::json
