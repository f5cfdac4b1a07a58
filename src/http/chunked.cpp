#include "http/chunked.hpp"

#include "core/text.hpp"
#include "http/syntax.hpp"

#include <algorithm>
#include <cstring>

namespace strata::http {

namespace {

constexpr std::size_t max_size_line = 256;
constexpr std::size_t max_trailers = 4096;

bool is_text(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (byte >= 0x20 && byte != 0x7f) || c == '\t';
}

}  // namespace

chunked_decoder::step chunked_decoder::feed(const char* in, std::size_t size, char* out) noexcept {
  step done;
  while (state_ == parse_status::incomplete && done.consumed < size) {
    if (part_ != part::data) {
      take(in[done.consumed++]);
      continue;
    }
    const auto piece = static_cast<std::size_t>(std::min<std::uint64_t>(chunk_, size - done.consumed));
    std::memmove(out + done.produced, in + done.consumed, piece);
    done.consumed += piece;
    done.produced += piece;
    chunk_ -= piece;
    if (chunk_ == 0) part_ = part::data_cr;
  }
  return done;
}

void chunked_decoder::refuse(int status, std::string_view why) noexcept {
  state_ = parse_status::refused;
  status_ = status;
  why_ = why;
}

void chunked_decoder::end_of_size() noexcept {
  line_ = 0;
  if (chunk_ == 0) {
    part_ = part::line_start;
  } else if (chunk_ > max_body_ - body_) {
    refuse(413, "the body is too large");
  } else {
    body_ += chunk_;
    part_ = part::data;
  }
}

void chunked_decoder::take(char c) noexcept {
  switch (part_) {
    case part::size_start:
    case part::size: {
      const int digit = strata::detail::hex_digit(c);
      if (digit >= 0) {
        if (part_ == part::size_start) chunk_ = 0;
        if (++line_ > 15) return refuse(400, "a chunk's size is too long");
        chunk_ = chunk_ * 16 + static_cast<unsigned>(digit);
        part_ = part::size;
      } else if (part_ == part::size_start) {
        refuse(400, "a chunk has no size");
      } else if (c == '\r') {
        part_ = part::size_lf;
      } else if (c == ';') {
        part_ = part::extension;
      } else {
        refuse(400, "a chunk's size is malformed");
      }
      return;
    }
    case part::extension:
      if (c == '\r') {
        part_ = part::size_lf;
      } else if (!is_text(c)) {
        refuse(400, "a chunk's extension holds a control character");
      } else if (++line_ > max_size_line) {
        refuse(400, "a chunk's extension is too long");
      }
      return;
    case part::size_lf:
      return c == '\n' ? end_of_size() : refuse(400, "a chunk's size does not end in CR LF");
    case part::data:
      return;  // feed copies it
    case part::data_cr:
      if (c != '\r') return refuse(400, "a chunk does not end in CR LF");
      part_ = part::data_lf;
      return;
    case part::data_lf:
      if (c != '\n') return refuse(400, "a chunk does not end in CR LF");
      part_ = part::size_start;
      return;
    case part::line_start:
      if (c == '\r') {
        part_ = part::last_lf;
        return;
      }
      if (!is_token_char(c)) return refuse(400, "a trailer is not name: value");
      colon_ = false;
      part_ = part::trailer;
      [[fallthrough]];
    case part::trailer:
      if (++trailers_ > max_trailers) return refuse(431, "the trailers are too large");
      if (c == '\r' && colon_) {
        part_ = part::trailer_lf;
      } else if (c == ':') {
        colon_ = true;
      } else if (!(colon_ ? is_text(c) : is_token_char(c))) {
        refuse(400, "a trailer is not name: value");
      }
      return;
    case part::trailer_lf:
      if (c != '\n') return refuse(400, "a trailer does not end in CR LF");
      part_ = part::line_start;
      return;
    case part::last_lf:
      if (c != '\n') return refuse(400, "the body does not end in CR LF");
      state_ = parse_status::complete;
      return;
  }
}

}  // namespace strata::http
