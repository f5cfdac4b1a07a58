#include "platform/record_reader.hpp"

#include <utility>

namespace strata::platform {

namespace {

constexpr int end_of_stream = std::char_traits<char>::eof();

}  // namespace

record_reader::record_reader(std::istream& from) : from_(&from) {
  // A byte order mark says nothing that UTF-8 does not.
  if (peek() == 0xEF) {
    for (int i = 0; i < 3; ++i) take();
  }
  const int first = skip_spaces();
  if (first == end_of_stream) {
    done_ = true;
  } else if (first == '[') {
    kind_ = format::array;
    take();
  } else {
    kind_ = format::lines;
  }
}

int record_reader::take() {
  const int c = from_->rdbuf()->sbumpc();
  if (c == end_of_stream) return c;
  ++bytes_;
  if (c == '\n') ++line_;
  return c;
}

int record_reader::peek() {
  return from_->rdbuf()->sgetc();
}

int record_reader::skip_spaces() {
  for (int c = peek();; c = peek()) {
    if (c != ' ' && c != '\t' && c != '\r' && c != '\n') return c;
    take();
  }
}

record_text record_reader::broken(std::string what) {
  done_ = true;
  return {line_, {}, std::move(what)};
}

std::optional<record_text> record_reader::next() {
  if (done_) return {};
  return kind_ == format::array ? next_item() : next_line();
}

std::optional<record_text> record_reader::next_line() {
  if (skip_spaces() == end_of_stream) {
    done_ = true;
    return {};
  }
  record_text out{line_, {}, {}};
  bool too_long = false;
  for (int c = take(); c != end_of_stream && c != '\n'; c = take()) {
    if (out.text.size() < max_record) {
      out.text += static_cast<char>(c);
    } else {
      too_long = true;
    }
  }
  if (too_long) out.problem = "is over 1 MiB";
  return out;
}

std::optional<record_text> record_reader::next_item() {
  int c = skip_spaces();
  if (!std::exchange(first_, false)) {
    if (c == ',') {
      take();
      c = skip_spaces();
      if (c == ']') return broken("the array has a comma before its end");
    } else if (c != ']') {
      return broken(c == end_of_stream ? "the array does not end"
                                       : "the array lacks a comma or its end here");
    }
  }
  if (c == end_of_stream) return broken("the array does not end");
  if (c == ']') {
    take();
    if (skip_spaces() != end_of_stream) return broken("something follows the array");
    done_ = true;
    return {};
  }
  record_text out{line_, {}, {}};
  bool too_long = false;
  bool in_string = false;
  bool escaped = false;
  for (std::size_t depth = 0;;) {
    c = peek();
    if (c == end_of_stream) return broken("the array ends inside an item");
    if (!in_string && depth == 0 && (c == ',' || c == ']')) break;
    take();
    if (out.text.size() < max_record) {
      out.text += static_cast<char>(c);
    } else {
      too_long = true;
    }
    if (escaped) {
      escaped = false;
    } else if (in_string) {
      escaped = c == '\\';
      in_string = c != '"';
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      ++depth;
    } else if ((c == '}' || c == ']') && depth > 0) {
      --depth;
    }
  }
  if (too_long) out.problem = "is over 1 MiB";
  return out;
}

}  // namespace strata::platform
