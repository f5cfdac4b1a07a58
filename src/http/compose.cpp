#include "http/compose.hpp"

#include "http/syntax.hpp"

#include <charconv>

namespace strata::http {

namespace {

/// Appends `text` as a JSON string; bytes that are no UTF-8 become U+FFFD.
void append_json_string(std::string& out, std::string_view text) {
  static constexpr char hex[] = "0123456789abcdef";
  out += '"';
  std::size_t i = 0;
  while (i < text.size()) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte >= 0x80) {
      std::size_t length = 2;
      while (length <= 4 && !(i + length <= text.size() && is_utf8(text.substr(i, length)))) ++length;
      if (length > 4) {
        out += "\xEF\xBF\xBD";
        length = 1;
      } else {
        out += text.substr(i, length);
      }
      i += length;
      continue;
    }
    if (byte == '"' || byte == '\\') {
      out += '\\';
      out += text[i];
    } else if (byte < 0x20) {
      out += "\\u00";
      out += hex[byte >> 4];
      out += hex[byte & 15];
    } else {
      out += text[i];
    }
    ++i;
  }
  out += '"';
}

template <class N>
void append_digits(std::string& out, N number) {
  char text[24];
  out.append(text, std::to_chars(text, text + sizeof text, number).ptr);
}

}  // namespace

void append_number(std::string& out, std::uint64_t number) {
  append_digits(out, number);
}
void append_signed(std::string& out, std::int64_t number) {
  append_digits(out, number);
}

void append(std::string& out, const cache_status& status) {
  out += status.cache;
  if (status.forward.empty()) {
    out += "; hit";
  } else {
    out += "; fwd=";
    out += status.forward;
  }
  if (status.stored) out += "; stored";
  if (status.collapsed) out += "; collapsed";
  if (status.ttl) {
    out += "; ttl=";
    append_signed(out, status.ttl->count());
  }
  if (!status.detail.empty()) {
    out += "; detail=";
    out += status.detail;
  }
}

void append_policy(std::string& out, const rate_limit& state) {
  out += '"';
  out += state.policy;
  out += "\";q=";
  append_number(out, state.limit);
  out += ";w=";
  append_signed(out, state.window.count());
}

void append_state(std::string& out, const rate_limit& state) {
  out += '"';
  out += state.policy;
  out += "\";r=";
  append_number(out, state.remaining);
  out += ";t=";
  append_signed(out, state.reset_after.count());
}

void append_problem(std::string& out, int status, std::string_view title, std::string_view detail,
                    std::span<const problem_entry> errors) {
  out += R"({"type":"about:blank","title":)";
  append_json_string(out, title.empty() ? reason_phrase(status) : title);
  out += R"(,"status":)";
  append_signed(out, status);
  if (!detail.empty()) {
    out += R"(,"detail":)";
    append_json_string(out, detail);
  }
  if (!errors.empty()) {
    out += R"(,"errors":[)";
    for (std::size_t i = 0; i < errors.size(); ++i) {
      if (i != 0) out += ',';
      const auto& where = errors[i].pointer;
      out += where.empty() || where.starts_with('/') ? R"({"pointer":)" : R"({"parameter":)";
      append_json_string(out, where);
      out += R"(,"detail":)";
      append_json_string(out, errors[i].detail);
      out += '}';
    }
    out += ']';
  }
  out += '}';
}

std::string_view reason_phrase(int status) noexcept {
  switch (status) {
    case 100:
      return "Continue";
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 206:
      return "Partial Content";
    case 301:
      return "Moved Permanently";
    case 302:
      return "Found";
    case 303:
      return "See Other";
    case 304:
      return "Not Modified";
    case 307:
      return "Temporary Redirect";
    case 308:
      return "Permanent Redirect";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 406:
      return "Not Acceptable";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 410:
      return "Gone";
    case 411:
      return "Length Required";
    case 412:
      return "Precondition Failed";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 416:
      return "Range Not Satisfiable";
    case 415:
      return "Unsupported Media Type";
    case 417:
      return "Expectation Failed";
    case 421:
      return "Misdirected Request";
    case 422:
      return "Unprocessable Content";
    case 428:
      return "Precondition Required";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return {};
  }
}

}  // namespace strata::http
