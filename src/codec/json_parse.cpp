/// Reading JSON: Boost.JSON's parser under a handler of our own.
///
/// The parser of Boost 1.81 does two things that we do not want. Its doubles can be off by a bit, so a
/// document that is read and written repeatedly would drift. And of two members with one name it
/// silently keeps the second, while other readers keep the first.

#include "codec/json_spaces.hpp"
#include "core/text_hash.hpp"

#include <strata/json.hpp>

#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/value_stack.hpp>
#include <charconv>
#include <limits>
#include <unordered_set>

namespace strata::json {

namespace {

using boost::json::error_code;

/// A decimal number: its digits without zeros around them, and the power of ten of the last one.
struct decimal {
  std::string digits;
  std::int64_t exponent = 0;
  bool operator==(const decimal&) const = default;
};

/// Requires: `number` is a JSON number.
decimal decimal_of(std::string_view number) {
  decimal out;
  bool in_fraction = false;
  std::size_t at = number.starts_with('-') ? 1 : 0;
  for (; at < number.size() && number[at] != 'e' && number[at] != 'E'; ++at) {
    if (number[at] == '.') {
      in_fraction = true;
      continue;
    }
    if (in_fraction) --out.exponent;
    if (number[at] != '0' || !out.digits.empty()) out.digits += number[at];
  }
  if (at < number.size()) {
    const auto sign = number[at + 1] == '+' ? 2 : 1;
    std::int64_t power = 0;
    std::from_chars(number.data() + at + sign, number.data() + number.size(), power);
    out.exponent += power;
  }
  while (out.digits.ends_with('0')) {
    out.digits.pop_back();
    ++out.exponent;
  }
  if (out.digits.empty()) out.exponent = 0;
  return out;
}

/// True if `number`, which is the double nearest to `digits`, is written as these digits.
bool denotes(std::string_view digits, double number) {
  char text[32];
  const auto* end = std::to_chars(text, text + sizeof text, number).ptr;
  return decimal_of(digits) == decimal_of({text, end});
}

class builder {
 public:
  static constexpr std::size_t max_object_size = boost::json::object::max_size();
  static constexpr std::size_t max_array_size = boost::json::array::max_size();
  static constexpr std::size_t max_key_size = boost::json::string::max_size();
  static constexpr std::size_t max_string_size = boost::json::string::max_size();

  /// `watch_names`: refuse the second of two members with one name.
  builder(parse_limits at_most, bool watch_names)
      : numbers_(at_most.numbers), watch_names_(watch_names), most_members_(at_most.members) {}

  bool on_document_begin(error_code&) {
    values_.reset();
    return true;
  }
  bool on_document_end(error_code&) { return true; }

  bool on_object_begin(error_code&) {
    if (watch_names_) names_.emplace_back();
    return true;
  }
  bool on_object_end(std::size_t members, error_code&) {
    if (watch_names_) names_.pop_back();
    values_.push_object(members);
    return true;
  }
  bool on_array_begin(error_code&) { return true; }
  bool on_array_end(std::size_t items, error_code&) {
    values_.push_array(items);
    return true;
  }

  bool on_key_part(std::string_view part, std::size_t, error_code&) {
    if (watch_names_) name_ += part;
    values_.push_chars(part);
    return true;
  }
  bool on_key(std::string_view rest, std::size_t, error_code& problem) {
    if (++members_ > most_members_) return refuse("the objects have too many members together", problem);
    if (watch_names_) {
      name_ += rest;
      if (!names_.back().insert(std::exchange(name_, {})).second) {
        return refuse("an object has two members with this name", problem);
      }
    }
    values_.push_key(rest);
    return true;
  }
  bool on_string_part(std::string_view part, std::size_t, error_code&) {
    values_.push_chars(part);
    return true;
  }
  bool on_string(std::string_view rest, std::size_t, error_code&) {
    values_.push_string(rest);
    return true;
  }

  bool on_number_part(std::string_view part, error_code&) {
    digits_ += part;
    return true;
  }
  bool on_int64(std::int64_t number, std::string_view rest, error_code&) {
    digits_ += rest;
    const bool negative_zero = number == 0 && digits_.starts_with('-');
    digits_.clear();
    if (negative_zero) {
      values_.push_double(-0.0);
    } else {
      values_.push_int64(number);
    }
    return true;
  }
  bool on_uint64(std::uint64_t number, std::string_view, error_code&) {
    digits_.clear();
    values_.push_uint64(number);
    return true;
  }
  bool on_double(double nearly, std::string_view rest, error_code& problem) {
    digits_ += rest;
    double nearest = 0;
    const auto read = std::from_chars(digits_.data(), digits_.data() + digits_.size(), nearest);
    if (read.ec == std::errc::result_out_of_range) {
      // A number that is too small is zero; one that is too large does not fit a double.
      if (!(nearly > -1 && nearly < 1)) return refuse("a number is out of range", problem);
      nearest = digits_.starts_with('-') ? -0.0 : 0.0;
    }
    if (numbers_ == number_rule::exact && !denotes(digits_, nearest)) {
      return refuse("a number has more digits than a double keeps", problem);
    }
    digits_.clear();
    values_.push_double(nearest);
    return true;
  }
  bool on_bool(bool value, error_code&) {
    values_.push_bool(value);
    return true;
  }
  bool on_null(error_code&) {
    values_.push_null();
    return true;
  }
  bool on_comment_part(std::string_view, error_code&) { return true; }
  bool on_comment(std::string_view, error_code&) { return true; }

  boost::json::value release() { return values_.release(); }
  /// How many members the objects of the text have; a repeated name counts twice.
  std::size_t members() const noexcept { return members_; }
  std::string_view refusal() const noexcept { return refusal_; }

 private:
  bool refuse(std::string_view why, error_code& problem) {
    refusal_ = why;
    problem = boost::json::error::syntax;
    return false;
  }

  boost::json::value_stack values_;
  std::string digits_;
  std::size_t members_ = 0;
  std::string_view refusal_;
  const number_rule numbers_;
  const bool watch_names_;
  const std::size_t most_members_;
  std::string name_;
  std::vector<std::unordered_set<std::string, strata::detail::text_hash, std::equal_to<>>> names_;
};

std::string position(std::string_view text, std::size_t offset) {
  std::size_t line = 1;
  std::size_t column = 1;
  for (std::size_t i = 0; i < offset && i < text.size(); ++i) {
    if (text[i] == '\n') {
      ++line;
      column = 1;
    } else {
      ++column;
    }
  }
  return "line " + std::to_string(line) + ", column " + std::to_string(column);
}

/// The members of all objects in `value`. Requires: not deeper than the parser allows.
std::size_t members_of(const boost::json::value& value) {
  std::size_t sum = 0;
  if (const auto* object = value.if_object(); object != nullptr) {
    sum = object->size();
    for (const auto& member : *object) sum += members_of(member.value());
  } else if (const auto* array = value.if_array(); array != nullptr) {
    for (const auto& item : *array) sum += members_of(item);
  }
  return sum;
}

/// How deep a text may be, and whether names are watched.
struct parse_rules {
  parse_limits at_most{};
  std::size_t max_depth = json::max_depth;
  bool watch_names = false;
};

result<boost::json::value> parse_by(std::string_view text, parse_rules rules) {
  boost::json::parse_options options;
  options.max_depth = rules.max_depth;
  boost::json::basic_parser<builder> parser(options, rules.at_most, rules.watch_names);
  error_code problem;
  const auto used = parser.write_some(false, text.data(), text.size(), problem);
  if (!problem && used < text.size()) problem = boost::json::error::extra_data;
  if (problem) {
    const auto refusal = parser.handler().refusal();
    return fail(errc::invalid_argument, position(text, used) + ": not valid JSON: " +
                                            (refusal.empty() ? problem.message() : std::string(refusal)));
  }
  auto value = parser.handler().release();
  // Names are watched only in a text that is known to repeat one.
  if (!rules.watch_names && parser.handler().members() != members_of(value)) {
    rules.watch_names = true;
    return parse_by(text, rules);
  }
  return value;
}

}  // namespace

result<boost::json::value> parse(std::string_view text, parse_limits at_most) {
  return parse_by(text, {.at_most = at_most});
}

namespace detail {

result<boost::json::value> parse_stored(std::string_view text) {
  // A document of `max_depth` levels may be a member of a struct.
  return parse_by(text, {.at_most = {.numbers = number_rule::nearest}, .max_depth = 2 * max_depth});
}

bool double_keeps(std::string_view number) {
  number = trimmed(number);
  if (number.find_first_of(".eE") != std::string_view::npos) {
    return decimal_of(number).digits.size() <= std::numeric_limits<double>::max_digits10;
  }
  // An integer, such as a counter, is not an approximation.
  double nearest = 0;
  std::from_chars(number.data(), number.data() + number.size(), nearest);
  char text[320];
  const auto* end = std::to_chars(text, text + sizeof text, nearest, std::chars_format::fixed, 0).ptr;
  return decimal_of(number) == decimal_of({text, end});
}

}  // namespace detail

}  // namespace strata::json
