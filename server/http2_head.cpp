#include "server/http2_head.hpp"

#include "http/syntax.hpp"

#include <algorithm>

namespace strata::server {

namespace {

constexpr std::size_t field_overhead = 32;

/// Fields that speak about an HTTP/1.1 connection (RFC 9113 §8.2.2).
bool is_of_connection(std::string_view name) {
  static constexpr std::string_view names[] = {"connection", "keep-alive", "proxy-connection",
                                               "transfer-encoding", "upgrade"};
  return std::ranges::find(names, name) != std::end(names);
}

bool is_printable(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f'; });
}

}  // namespace

bool http2_request_head::add(std::string_view name, std::string_view value) {
  size_ += name.size() + value.size() + field_overhead;
  if (name.starts_with(':')) {
    std::string* const into = name == ":method"      ? &method_
                              : name == ":path"      ? &path_
                              : name == ":scheme"    ? &scheme_
                              : name == ":authority" ? &authority_
                                                     : nullptr;
    if (into == nullptr || !into->empty() || !fields_.empty() || !is_printable(value)) return false;
    *into = value;
    return true;
  }
  if (!http::is_token(name) || !http::is_field_value(value) || is_of_connection(name)) return false;
  if (name == "te") return value == "trailers";
  if (name == "host") {
    if (!host_.empty()) return false;
    host_ = value;
    return true;
  }
  if (name == "cookie") {  // may come in pieces (RFC 9113 §8.2.3)
    if (!cookie_.empty()) cookie_ += "; ";
    cookie_ += value;
    return true;
  }
  fields_.append(name).append(": ").append(value).append("\r\n");
  return true;
}

std::optional<std::string> http2_request_head::text() const {
  if (method_.empty() || path_.empty() || scheme_.empty()) return {};
  if (!authority_.empty() && !host_.empty() && !http::iequals(authority_, host_)) return {};
  const auto& host = authority_.empty() ? host_ : authority_;
  if (host.empty()) return {};
  std::string out = method_ + ' ' + path_ + " HTTP/1.1\r\nHost: " + host + "\r\n";
  if (!cookie_.empty()) out += "Cookie: " + cookie_ + "\r\n";
  out += fields_;
  return out += "\r\n";
}

http2_response_head::http2_response_head(std::string text) : text_(std::move(text)) {
  const std::string_view all(text_);
  fields_.emplace_back(":status", all.substr(9, 3));
  for (auto at = all.find("\r\n") + 2; at < all.size();) {
    const auto end = all.find("\r\n", at);
    if (end == at) break;
    const auto colon = all.find(": ", at);
    std::transform(text_.data() + at, text_.data() + colon, text_.data() + at, http::lower);
    const auto name = all.substr(at, colon - at);
    if (!is_of_connection(name)) fields_.emplace_back(name, all.substr(colon + 2, end - colon - 2));
    at = end + 2;
  }
}

}  // namespace strata::server
