/// Reading JSON: Boost.JSON's parser under a handler of our own.
///
/// The parser of Boost 1.81 does two things that we do not want. Its doubles can be off by a bit, so a
/// document that is read and written repeatedly would drift. And of two members with one name it
/// silently keeps the second, while other readers keep the first.

#include "core/text_hash.hpp"

#include <strata/json.hpp>

#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/value_stack.hpp>
#include <charconv>
#include <unordered_set>

namespace strata::json {

namespace {

using boost::json::error_code;

class builder {
 public:
  static constexpr std::size_t max_object_size = boost::json::object::max_size();
  static constexpr std::size_t max_array_size = boost::json::array::max_size();
  static constexpr std::size_t max_key_size = boost::json::string::max_size();
  static constexpr std::size_t max_string_size = boost::json::string::max_size();

  /// `watch_names`: refuse the second of two members with one name.
  builder(bool watch_names, std::size_t most_members)
      : watch_names_(watch_names), most_members_(most_members) {}

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
  bool on_int64(std::int64_t number, std::string_view, error_code&) {
    digits_.clear();
    values_.push_int64(number);
    return true;
  }
  bool on_uint64(std::uint64_t number, std::string_view, error_code&) {
    digits_.clear();
    values_.push_uint64(number);
    return true;
  }
  bool on_double(double nearly, std::string_view rest, error_code& problem) {
    digits_ += rest;
    double exact = 0;
    const auto read = std::from_chars(digits_.data(), digits_.data() + digits_.size(), exact);
    digits_.clear();
    if (read.ec == std::errc::result_out_of_range) {
      // A number that is too small is zero; one that is too large does not fit a double.
      if (!(nearly > -1 && nearly < 1)) return refuse("a number is out of range", problem);
      exact = 0;
    }
    values_.push_double(exact);
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

result<boost::json::value> parse(std::string_view text, parse_limits at_most, bool watch_names) {
  boost::json::parse_options options;
  options.max_depth = 64;
  boost::json::basic_parser<builder> parser(options, watch_names, at_most.members);
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
  if (!watch_names && parser.handler().members() != members_of(value)) return parse(text, at_most, true);
  return value;
}

}  // namespace

result<boost::json::value> parse(std::string_view text, parse_limits at_most) {
  return parse(text, at_most, false);
}

}  // namespace strata::json
