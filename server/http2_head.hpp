#pragma once
/// Heads between HTTP/2 and HTTP/1.1 (RFC 9113 §8). A request's fields become the text of an HTTP/1.1 head,
/// and a response's text becomes fields, so that one parser and one writer decide for both protocols.
/// Threads: values of one connection.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace strata::server {

class http2_request_head {
 public:
  /// Adds a field or pseudo-field. Returns false if it makes the head malformed, e.g. a field of the
  /// connection.
  bool add(std::string_view name, std::string_view value);

  /// Bytes so far, counted as RFC 9113 §6.5.2 does: 32 more for each field.
  std::size_t size() const noexcept { return size_; }

  /// The head as HTTP/1.1. Nothing if a pseudo-field is missing, or Host is not :authority.
  std::optional<std::string> text() const;

 private:
  std::string method_, path_, scheme_, authority_, host_, cookie_;
  std::string fields_;
  std::size_t size_ = 0;
};

/// A response's fields. Lifetime of the views: the object's.
class http2_response_head {
 public:
  /// Requires: `text` is a head that the server wrote.
  explicit http2_response_head(std::string text);
  http2_response_head(const http2_response_head&) = delete;
  http2_response_head& operator=(const http2_response_head&) = delete;

  /// `:status` first; names in lower case, without fields of the connection.
  const std::vector<std::pair<std::string_view, std::string_view>>& fields() const noexcept {
    return fields_;
  }

 private:
  std::string text_;
  std::vector<std::pair<std::string_view, std::string_view>> fields_;
};

}  // namespace strata::server
