#pragma once
/// Keys, `{entity}:{identifier}:{optional_variant}`, and the patterns that build them.
/// Threads: values; `key` is immutable.
///
/// Arguments are escaped, so no argument can reach another key: the bytes `% : * ? [ ] { } \`, space and
/// control characters are written as `%XX`, an empty argument as a single `%`.

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

namespace strata {

/// A key's text with its hash. Keys over `max_length` bytes are legal and bypass the cache.
class key {
 public:
  static constexpr std::size_t max_length = 1024;

  key() = default;
  /// `text` is taken as it is, not escaped.
  explicit key(std::string text);

  const std::string& text() const noexcept { return text_; }
  std::uint64_t hash() const noexcept { return hash_; }
  bool cacheable() const noexcept { return !text_.empty() && text_.size() <= max_length; }

  /// The first segment. Metrics call it `cache_type`.
  std::string_view entity() const noexcept;

  friend bool operator==(const key& a, const key& b) noexcept { return a.text_ == b.text_; }

 private:
  std::string text_;
  std::uint64_t hash_ = 0;
};

/// XXH3-64 of `text` under a secret that each process draws for itself: the hash of every table whose keys a
/// client may choose, so that no client can choose keys that collide. Another process returns another number.
std::uint64_t hash_of(std::string_view text) noexcept;

/// XXH3-64 of `text`, the same in every process: for validators and for what is stored or shared. Anyone can
/// construct collisions, so it is no hash for tables.
std::uint64_t stable_hash_of(std::string_view text) noexcept;

/// Appends `argument` to `out`, escaped as described above. Cost: O(size), no allocation but `out`'s.
void append_escaped(std::string& out, std::string_view argument);

/// A type that a key can hold: text, an integer, or bool.
template <class T>
concept key_argument = std::convertible_to<const T&, std::string_view> || std::integral<T>;

/// A string as a template argument.
template <std::size_t N>
struct fixed_string {
  char text[N]{};
  consteval fixed_string(const char (&from)[N]) {  // NOLINT: implicit on purpose
    for (std::size_t i = 0; i < N; ++i) text[i] = from[i];
  }
  constexpr std::string_view view() const { return {text, N - 1}; }
};

namespace detail {

/// Checks `pattern` and counts its placeholders. Not constant if it is malformed, so that a bad
/// pattern does not compile; the throw's text shows in the compiler's message.
constexpr std::size_t count_placeholders(std::string_view pattern) {
  if (pattern.empty()) throw "a key pattern must not be empty";
  if (pattern.front() == '{') throw "a key pattern begins with its entity's name";
  std::size_t found = 0;
  bool segment_empty = true;
  bool segment_has_placeholder = false;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    if (c == ':') {
      if (segment_empty) throw "a key pattern has an empty segment";
      segment_empty = true;
      segment_has_placeholder = false;
      continue;
    }
    if (c == '}') throw "a key pattern has a } without {";
    if (c == '{') {
      std::size_t end = i + 1;
      while (end < pattern.size() && pattern[end] != '}') {
        const char n = pattern[end];
        if (!((n >= 'a' && n <= 'z') || n == '_')) throw "a placeholder's name is a-z and _";
        ++end;
      }
      if (end == pattern.size()) throw "a key pattern has a { without }";
      if (end == i + 1) throw "a placeholder needs a name";
      if (segment_has_placeholder) throw "a segment holds at most one placeholder";
      segment_has_placeholder = true;
      ++found;
      i = end;
      segment_empty = false;
      continue;
    }
    if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-')) {
      throw "a key pattern's own text is a-z, 0-9, _ and -";
    }
    segment_empty = false;
  }
  if (segment_empty) throw "a key pattern has an empty segment";
  return found;
}

void append_number(std::string& out, long long number);
void append_number(std::string& out, unsigned long long number);

template <key_argument T>
void append_argument(std::string& out, const T& argument) {
  if constexpr (std::same_as<T, bool>) {
    out += argument ? "true" : "false";
  } else if constexpr (std::signed_integral<T>) {
    append_number(out, static_cast<long long>(argument));
  } else if constexpr (std::unsigned_integral<T>) {
    append_number(out, static_cast<unsigned long long>(argument));
  } else {
    append_escaped(out, argument);
  }
}

}  // namespace detail

/// A key pattern, e.g. `key_pattern<"agent:{id}:config">`, checked when it is compiled.
template <fixed_string Text>
struct key_pattern {
  static constexpr std::string_view text = Text.view();
  static constexpr std::size_t arity = detail::count_placeholders(text);

  /// Builds the key of these arguments. A wrong number of them does not compile.
  template <key_argument... Arguments>
    requires(sizeof...(Arguments) == arity)
  static key build(const Arguments&... arguments) {
    std::string out;
    out.reserve(text.size() + 16 * arity);
    std::size_t at = 0;
    const auto literal = [&] {
      while (at < text.size() && text[at] != '{') out += text[at++];
    };
    const auto skip_placeholder = [&] { at = text.find('}', at) + 1; };
    literal();
    ((detail::append_argument(out, arguments), skip_placeholder(), literal()), ...);
    return key(std::move(out));
  }
};

}  // namespace strata
