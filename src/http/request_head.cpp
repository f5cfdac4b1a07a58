#include "http/request_head.hpp"

#include <algorithm>
#include <optional>

namespace strata::http {

namespace {

using state = head_result::parse_status;

constexpr head_result refuse(int status, std::string_view why) {
  return {state::refused, 0, status, why};
}
constexpr head_result incomplete{};

constexpr std::size_t max_method = 32;

/// Requires: `name` is a token as long as `expected`, which is lower case. Setting the bit that
/// distinguishes the cases makes no other two token characters equal that `expected` can hold.
bool is_name(std::string_view name, std::string_view expected) noexcept {
  unsigned different = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    different |= static_cast<unsigned>((name[i] | 0x20) ^ expected[i]);
  }
  return different == 0;
}

known classify(std::string_view name) noexcept {
  const auto is = [&](std::string_view expected, known which) {
    return is_name(name, expected) ? which : known::other;
  };
  switch (name.size()) {
    case 4:
      return is("host", known::host);
    case 6: {
      const char first = lower(name[0]);
      if (first == 'a') return is("accept", known::accept);
      return first == 'c' ? is("cookie", known::cookie) : is("expect", known::expect);
    }
    case 8:
      return is("if-match", known::if_match);
    case 10:
      return is("connection", known::connection);
    case 12:
      return lower(name[0]) == 'c' ? is("content-type", known::content_type)
                                   : is("x-request-id", known::x_request_id);
    case 13:
      return lower(name[0]) == 'i' ? is("if-none-match", known::if_none_match)
                                   : is("authorization", known::authorization);
    case 14:
      return is("content-length", known::content_length);
    case 15:
      return is("accept-encoding", known::accept_encoding);
    case 17:
      return lower(name[0]) == 'i' ? is("if-modified-since", known::if_modified_since)
                                   : is("transfer-encoding", known::transfer_encoding);
    case 19:
      return is("if-unmodified-since", known::if_unmodified_since);
    default:
      return known::other;
  }
}

/// Fields whose meaning would be ambiguous if they were sent twice.
constexpr bool is_single(known which) {
  switch (which) {
    case known::host:
    case known::content_length:
    case known::transfer_encoding:
    case known::content_type:
    case known::authorization:
    case known::if_modified_since:
    case known::if_unmodified_since:
      return true;
    default:
      return false;
  }
}

/// `METHOD SP target SP HTTP/1.x`, without its line end.
std::optional<head_result> parse_request_line(std::string_view line, const head_limits& limits,
                                              request_head& into) noexcept {
  const auto first = line.find(' ');
  const auto last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) {
    return refuse(400, "the request line is not METHOD SP target SP HTTP/1.1");
  }
  into.method = line.substr(0, first);
  into.target = line.substr(first + 1, last - first - 1);
  const auto version = line.substr(last + 1);
  if (into.method.size() > max_method || !is_token(into.method)) {
    return refuse(400, "the method is not a token");
  }
  if (version.size() != 8 || !version.starts_with("HTTP/") || !is_digit(version[5]) || version[6] != '.' ||
      !is_digit(version[7])) {
    return refuse(400, "the protocol version is malformed");
  }
  if (version[5] != '1') return refuse(505, "only HTTP/1.0 and HTTP/1.1 are spoken here");
  into.http_1_0 = version[7] == '0';
  if (into.target.size() > limits.max_target) return refuse(414, "the request target is too long");
  if (into.method == "CONNECT") return refuse(501, "this is not a proxy: CONNECT is not implemented");
  const auto parts = split_target(into.target);
  if (!parts) return refuse(400, "the request target is malformed");
  if (parts->path == "*" && into.method != "OPTIONS") return refuse(400, "* is a target for OPTIONS only");
  into.parts = *parts;
  return {};
}

std::optional<head_result> parse_field(std::string_view line, request_head& into) noexcept {
  std::size_t colon = 0;
  while (colon < line.size() && is_token_char(line[colon])) ++colon;
  if (colon == 0 || colon == line.size() || line[colon] != ':') {
    if (line.front() == ' ' || line.front() == '\t') return refuse(400, "a field line is folded");
    return refuse(400, "a field line is not name: value");
  }
  if (into.field_count == request_head::max_fields) return refuse(431, "too many fields");
  const field read{line.substr(0, colon), trim(line.substr(colon + 1))};
  if (!is_field_value(read.value)) return refuse(400, "a field's value holds a control character");
  into.fields[into.field_count++] = read;
  const auto which = classify(read.name);
  if (which == known::other) return {};
  auto& first = into.first[static_cast<std::size_t>(which)];
  if (first == 0) {
    first = static_cast<std::uint8_t>(into.field_count);
  } else if (is_single(which)) {
    return refuse(400, "a field that may come once came twice");
  } else {
    into.repeated |= 1u << static_cast<unsigned>(which);
  }
  return {};
}

template <class F>
void for_each_value(const request_head& head, known which, F visit) {
  for (std::size_t i = 0; i < head.field_count; ++i) {
    if (classify(head.fields[i].name) == which) visit(head.fields[i].value);
  }
}

void read_connection(request_head& into) noexcept {
  bool close = false;
  bool keep = false;
  for_each_value(into, known::connection, [&](std::string_view value) {
    list_reader list(value);
    while (const auto option = list.next()) {
      close = close || iequals(*option, "close");
      keep = keep || iequals(*option, "keep-alive");
    }
  });
  into.keep_alive = !close && (keep || !into.http_1_0);
}

/// Checks the fields together: framing, Host, connection.
std::optional<head_result> check_fields(request_head& into) noexcept {
  if (into.has(known::host)) {
    if (!is_host(into.value(known::host))) return refuse(400, "Host is malformed");
  } else if (!into.http_1_0) {
    return refuse(400, "Host is missing");
  }
  if (into.has(known::transfer_encoding)) {
    if (into.has(known::content_length)) {
      return refuse(400, "Content-Length and Transfer-Encoding exclude each other");
    }
    if (into.http_1_0) return refuse(400, "Transfer-Encoding does not belong to HTTP/1.0");
    if (!iequals(into.value(known::transfer_encoding), "chunked")) {
      return refuse(501, "the only transfer coding understood is chunked");
    }
    into.chunked = true;
  } else if (into.has(known::content_length)) {
    const auto digits = into.value(known::content_length);
    const auto length = parse_number(digits);
    if (!length || digits.size() > 18) return refuse(400, "Content-Length is not a number");
    into.content_length = *length;
  }
  into.keep_alive = !into.http_1_0;
  if (into.has(known::connection)) read_connection(into);
  if (into.has(known::expect)) {
    if (!iequals(into.value(known::expect), "100-continue")) return refuse(417, "Expect is not 100-continue");
    into.expect_continue = !into.http_1_0;
  }
  return {};
}

void reset(request_head& head) noexcept {
  head.field_count = 0;
  head.first.fill(0);
  head.repeated = 0;
  head.content_length = 0;
  head.chunked = false;
  head.expect_continue = false;
}

}  // namespace

head_result parse_head(std::string_view bytes, const head_limits& limits, request_head& into) noexcept {
  reset(into);
  const bool too_long = bytes.size() > limits.max_head;
  const auto head = bytes.substr(0, limits.max_head);
  // One empty line before a request is allowed (RFC 9112 §2.2).
  std::size_t at = head.starts_with("\r\n") ? 2 : 0;
  bool first_line = true;
  for (;;) {
    const auto rest = head.substr(at);
    const auto length = rest.find('\n');
    if (length == std::string_view::npos) {
      if (first_line && !rest.empty() && rest[0] != '\r' && !is_token_char(rest[0])) {
        return refuse(400, "the method is not a token");  // TLS, or noise: a line end may never arrive
      }
      if (first_line && rest.size() > limits.max_target + max_method + 16) {
        return refuse(414, "the request target is too long");
      }
      return too_long ? refuse(431, "the request's head is too large") : incomplete;
    }
    if (length == 0 || rest[length - 1] != '\r') return refuse(400, "a line does not end in CR LF");
    const auto line = rest.substr(0, length - 1);
    at += length + 1;
    std::optional<head_result> refused;
    if (first_line) {
      first_line = false;
      refused = parse_request_line(line, limits, into);
    } else if (line.empty()) {
      refused = check_fields(into);
      if (!refused) return {state::complete, at, 0, {}};
    } else {
      refused = parse_field(line, into);
    }
    if (refused) return *refused;
  }
}

}  // namespace strata::http
