#pragma once
/// Reads a JSON object field by field against rules and collects every problem with its JSON pointer.
/// Threads: one at a time.
///
///   field_reader in(body, field_reader::mode::create);
///   auto name = in.text("name", {.min = 1, .max = 200});
///   in.read_only({"id", "version"});
///   if (auto problems = in.finish(); !problems.empty()) return unprocessable(problems);

#include <server/response.hpp>

#include <boost/json/value.hpp>

#include <cstddef>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace strata::platform {

/// Sets `to` if the client sent a value.
template <class T>
void set_if(T& to, const std::optional<T>& from) {
  if (from) to = *from;
}

using strata::server::field_problem;

/// The limits of a text. Lengths count characters, not bytes.
struct text_rule {
  std::size_t min = 0;
  std::size_t max = 0;
  bool lines = false;  ///< may hold line breaks and tabs; other control characters never
  std::optional<std::string_view> otherwise;  ///< the value of a missing or null field
};

inline constexpr text_rule name_rule{.min = 1, .max = 200, .lines = false, .otherwise = {}};
inline constexpr text_rule description_rule{.min = 0, .max = 2000, .lines = true, .otherwise = ""};

class field_reader {
 public:
  /// create: a field without a default is required. patch (RFC 7396): fields may be missing, and null means
  /// the default.
  enum class mode { create, patch };

  /// Lifetime: `from` outlives the reader.
  field_reader(const boost::json::value& from, mode how);

  /// Each returns nothing if the field is missing or wrong.
  std::optional<std::string> text(std::string_view name, const text_rule& rule);
  std::optional<std::string> choice(std::string_view name, std::span<const std::string_view> allowed,
                                    std::optional<std::string_view> otherwise = {});
  std::optional<bool> flag(std::string_view name, std::optional<bool> otherwise = {});
  std::optional<std::int64_t> count(std::string_view name, std::optional<std::int64_t> otherwise = {});
  /// The value of any kind, for a field with a reader of its own.
  const boost::json::value* any(std::string_view name);

  /// These fields exist, and a client may not set them.
  void read_only(std::initializer_list<std::string_view> names);

  /// True if the object has `name`.
  bool has(std::string_view name) const;

  void problem(std::string_view name, std::string detail);
  void problem_at(std::string pointer, std::string detail);

  /// Every problem, unknown fields included; at most `max_problems`.
  std::vector<field_problem> finish();

  static constexpr std::size_t max_problems = 50;

 private:
  const boost::json::value* take(std::string_view name);
  /// The field's value; null if it is missing or means its default.
  const boost::json::value* wanted(std::string_view name, bool has_default);

  const boost::json::object* from_ = nullptr;
  mode how_;
  std::vector<std::string_view> known_;
  std::vector<field_problem> problems_;
};

/// The JSON pointer (RFC 6901) of `name` in an object.
std::string pointer_to(std::string_view name);

/// The number of characters of `text`. Requires: valid UTF-8.
std::size_t characters(std::string_view text) noexcept;

/// True for an address of the shape local@domain, without spaces, at most 254 bytes. Only a
/// message can show whether it exists.
bool plausible_email(std::string_view text) noexcept;

}  // namespace strata::platform
