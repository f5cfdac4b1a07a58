#include "resp/parser.hpp"

#include <algorithm>
#include <utility>

namespace strata::resp {

namespace {

constexpr std::size_t most_reserved = 1024;  // items: a peer may send fewer than it announces

bool has_text(token_kind is) {
  switch (is) {
    case token_kind::big_number:
    case token_kind::simple_string:
    case token_kind::bulk_string:
    case token_kind::verbatim_string:
    case token_kind::simple_error:
    case token_kind::bulk_error:
    case token_kind::part:
      return true;
    default:
      return false;
  }
}

bool is_aggregate(token_kind is) {
  switch (is) {
    case token_kind::array:
    case token_kind::set:
    case token_kind::map:
    case token_kind::push:
    case token_kind::attribute:
      return true;
    default:
      return false;
  }
}

kind kind_of(token_kind is) {
  switch (is) {
    case token_kind::big_number:
      return kind::big_number;
    case token_kind::simple_string:
      return kind::simple_string;
    case token_kind::verbatim_string:
      return kind::verbatim_string;
    case token_kind::simple_error:
      return kind::simple_error;
    case token_kind::bulk_error:
      return kind::bulk_error;
    case token_kind::array:
      return kind::array;
    case token_kind::set:
      return kind::set;
    case token_kind::map:
      return kind::map;
    case token_kind::push:
      return kind::push;
    default:
      return kind::bulk_string;
  }
}

value scalar(const token& of) {
  switch (of.is) {
    case token_kind::null:
      return {};
    case token_kind::boolean:
      return value::boolean(of.yes);
    case token_kind::number:
      return value::number(of.number);
    case token_kind::real:
      return value::real(of.real);
    default:
      return value::text(kind_of(of.is), std::string(of.text));
  }
}

}  // namespace

parse_status parser::refuse(std::string_view why) {
  why_ = why;
  return parse_status::refused;
}

bool parser::count(const token& of) {
  if (of.is != token_kind::part && of.is != token_kind::end) ++elements_;
  if (has_text(of.is)) size_ += of.text.size();
  if (elements_ > limits_.elements || (is_aggregate(of.is) && of.count > limits_.elements - elements_)) {
    why_ = "a message has too many elements";
    return false;
  }
  if (size_ > limits_.message_size) {
    why_ = "a message is too large";
    return false;
  }
  return true;
}

bool parser::begin(const token& of) {
  if (open_.size() == limits_.depth) {
    why_ = "a message is nested too deeply";
    return false;
  }
  if (of.is == token_kind::push && !open_.empty()) {
    why_ = "a push is inside of another message";
    return false;
  }
  open made{.is = of.is, .streamed = of.streamed, .left = of.count, .items = {}, .attributes = {}};
  made.items.reserve(std::min<std::size_t>(of.count, most_reserved));
  made.attributes = std::exchange(attributes_, {});
  open_.push_back(std::move(made));
  return true;
}

/// Adds a complete value to its aggregate. Returns true if it completes the message, which is then in `into`.
bool parser::finish(value& into, value done) {
  if (open_.empty()) {
    into = std::move(done);
    elements_ = 0;
    size_ = 0;
    return true;
  }
  open_.back().items.push_back(std::move(done));
  --open_.back().left;
  return close_full(into);
}

/// Closes the innermost aggregate if it is complete, and then those around it.
bool parser::close_full(value& into) {
  if (open_.back().streamed || open_.back().left > 0) return false;
  open ended = std::move(open_.back());
  open_.pop_back();
  if (ended.is == token_kind::attribute) {
    // Attributes before attributes belong, together with them, to the value after both.
    attributes_ = std::move(ended.attributes);
    for (auto& each : ended.items) attributes_.push_back(std::move(each));
    return false;
  }
  auto whole = value::aggregate(kind_of(ended.is), std::move(ended.items));
  whole.add_attributes(std::move(ended.attributes));
  return finish(into, std::move(whole));
}

parse_status parser::next(std::string_view& input, value& into) {
  for (;;) {
    token read;
    if (const auto got = tokens_.next(input, read); got != parse_status::complete) {
      if (got == parse_status::refused) why_ = tokens_.why();
      return got;
    }
    if (!count(read)) return parse_status::refused;
    if (streaming_ != (read.is == token_kind::part)) return refuse("a part of a string is out of place");
    if (streaming_) {
      if (streamed_.size() + read.text.size() > limits_.string_size) return refuse("a string is too long");
      streamed_ += read.text;
      if (!read.text.empty()) continue;
      streaming_ = false;
      read.is = token_kind::bulk_string;
    } else if (read.is == token_kind::streamed_string) {
      streaming_ = true;
      streamed_.clear();
      continue;
    } else if (is_aggregate(read.is)) {
      if (!begin(read)) return parse_status::refused;
      if (close_full(into)) return parse_status::complete;
      continue;
    } else if (read.is == token_kind::end) {
      if (open_.empty() || !open_.back().streamed || !attributes_.empty())
        return refuse("an end is out of place");
      auto& last = open_.back();
      const bool pairs = last.is == token_kind::map || last.is == token_kind::attribute;
      if (pairs && last.items.size() % 2 != 0) return refuse("a map has a key without a value");
      last.streamed = false;
      last.left = 0;
      if (close_full(into)) return parse_status::complete;
      continue;
    }
    value done =
        streamed_.empty() ? scalar(read) : value::text(kind::bulk_string, std::exchange(streamed_, {}));
    if (!attributes_.empty()) done.add_attributes(std::exchange(attributes_, {}));
    if (finish(into, std::move(done))) return parse_status::complete;
  }
}

}  // namespace strata::resp
