#pragma once
/// One RESP3 value that owns its contents: a reply, a push, or a part of one.
/// Threads: a value.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace strata::resp {

/// The type that the server gave a value.
enum class kind : std::uint8_t {
  null,
  boolean,
  number,
  real,
  big_number,  ///< an integer of any size, as its digits
  simple_string,
  bulk_string,
  verbatim_string,  ///< text with a format of three letters, "txt" or "mkd"
  simple_error,
  bulk_error,
  array,
  set,
  map,  ///< items are key, value, key, value …
  push,
};

/// An error reply: "-MOVED 3999 127.0.0.1:6381". The views live as long as the value that they
/// belong to.
struct reply_error {
  std::string_view code;     ///< the first word: "MOVED", "NOSCRIPT", "WRONGTYPE", "ERR"
  std::string_view message;  ///< the whole text, with the code
};

class value {
 public:
  value() noexcept = default;  ///< null

  static value boolean(bool yes) { return {resp::kind::boolean, yes}; }
  static value number(std::int64_t of) { return {resp::kind::number, of}; }
  static value real(double of) { return {resp::kind::real, of}; }
  /// Requires: `is` is one of the strings, a big number or one of the errors.
  static value text(resp::kind is, std::string of) { return {is, std::move(of)}; }
  /// Requires: `is` is array, set, map or push; a map has an even number of items.
  static value aggregate(resp::kind is, std::vector<value> of) { return {is, std::move(of)}; }

  resp::kind is() const noexcept { return kind_; }
  bool is_null() const noexcept { return kind_ == resp::kind::null; }
  bool is_error() const noexcept {
    return kind_ == resp::kind::simple_error || kind_ == resp::kind::bulk_error;
  }
  bool is_text() const noexcept {
    return kind_ == resp::kind::bulk_string || kind_ == resp::kind::simple_string ||
           kind_ == resp::kind::verbatim_string || kind_ == resp::kind::big_number;
  }
  bool is_aggregate() const noexcept { return std::holds_alternative<std::vector<value>>(held_); }
  /// True for the simple string "OK".
  bool is_ok() const noexcept { return kind_ == resp::kind::simple_string && text() == "OK"; }

  /// The bytes of a string, a big number or an error (a verbatim string without its format); empty
  /// for anything else: check `is_text` where that matters.
  std::string_view text() const noexcept;
  /// As `text`, moved out where that is possible. The value is an empty string afterwards.
  std::string take_text() &&;
  /// A verbatim string's format; empty for anything else.
  std::string_view format() const noexcept;

  /// A number, or a string that is one; nothing for anything else.
  std::optional<std::int64_t> integer() const noexcept;
  /// A real, a number, or a string that is one; nothing for anything else.
  std::optional<double> real() const noexcept;
  /// A boolean, or a number that is 0 or 1; nothing for anything else.
  std::optional<bool> boolean() const noexcept;

  /// The items of an aggregate, a map's as key, value, key, value …; empty for anything else.
  std::span<const value> items() const noexcept;
  std::span<value> items() noexcept;
  /// A map's value under the text `key`, or null if it has none or this is not a map.
  const value* find(std::string_view key) const noexcept;

  /// Requires: is_error().
  reply_error error() const noexcept;

  /// The attributes that the server sent with this value, as key, value, key, value …; mostly empty.
  std::span<const value> attributes() const noexcept;
  void add_attributes(std::vector<value> more);

  friend bool operator==(const value& a, const value& b);

 private:
  using content = std::variant<std::monostate, bool, std::int64_t, double, std::string, std::vector<value>>;
  value(resp::kind is, content held) : kind_(is), held_(std::move(held)) {}

  resp::kind kind_ = resp::kind::null;
  content held_;
  std::unique_ptr<std::vector<value>> attributes_;
};

/// `of` as people read it, one line: `{"a" => 1, "b" => [null, true]}`; strings of more than `longest`
/// bytes are cut. For tests and messages: never pass a value that may be a secret.
std::string to_text(const value& of, std::size_t longest = 100);

}  // namespace strata::resp
