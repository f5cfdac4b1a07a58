#pragma once
/// What a handler answers. Conditions (304, 412), content coding, HEAD, Date, X-Request-Id and
/// the length are the server's to add: a handler answers as if the request were plain.
/// Threads: a value.

#include <server/body_stream.hpp>
#include <server/representation.hpp>
#include <server/request.hpp>

#include <strata/time.hpp>

#include <chrono>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace strata::server {

/// How the cache took part, for Cache-Status (RFC 9211): `strata; hit; ttl=1200; detail=l1`,
/// `strata; fwd=miss; stored; detail=absent`.
struct cache_status {
  enum class forwarded : std::uint8_t { none, bypass, method, uri_miss, miss, stale };
  forwarded forward = forwarded::none;  ///< none: it was a hit
  bool stored = false;
  bool collapsed = false;
  std::optional<std::chrono::seconds> ttl;  ///< freshness left; negative when stale
  std::string_view detail;                  ///< static text: a token, or empty
};

struct response_field {
  std::string name;
  std::string value;
};

struct response {
  int status = 200;

  /// What is sent: `content` if it is set, else `body` with `content_type`, `etag`, `last_modified`.
  std::shared_ptr<const representation> content;
  std::string body;
  static_text content_type;
  std::string etag;  ///< with its quotes
  std::optional<wall_time> last_modified;

  /// Not null: what is sent instead of `body`, until it is over; then the connection ends. A 200 to GET only.
  std::shared_ptr<body_stream> stream;

  /// Empty: the route's on a 2xx to GET or HEAD, `no-store` on anything else.
  std::string cache_control;
  std::optional<cache_status> cache;

  /// Adds a field. Throws std::invalid_argument if its name or value could break the message.
  response& add(std::string_view name, std::string_view value);
  std::span<const response_field> fields() const noexcept { return fields_; }

 private:
  std::vector<response_field> fields_;
};

/// One thing that is wrong with a request: `where` is a JSON pointer into the body ("/name", ""
/// for all of it) or, without a leading slash, the name of a query parameter or field.
struct field_problem {
  std::string where;
  std::string detail;
};

/// `text` as application/json. Requires: valid JSON.
response json(int status, std::string text);
/// 200 with what is shared.
response ok(std::shared_ptr<const representation> content);
/// application/problem+json (RFC 9457). An empty `title` is the status's own phrase.
/// What is not UTF-8 in `detail` is replaced.
response problem(int status, std::string_view title, std::string_view detail,
                 std::span<const field_problem> errors = {});
inline response problem(int status, std::string_view detail) {
  return problem(status, {}, detail);
}
response no_content();
/// 201 with Location. Set body and etag on what is returned.
response created(std::string_view location, std::string json_text = {});

/// Evaluates If-Match and If-Unmodified-Since (and If-None-Match: * against creating) before a
/// write, RFC 9110 §13.2.2. `etag` is the current tag, empty if there is no such resource.
/// A tag of an encoded form counts as that of its version.
/// Returns: nothing (go on) | 412 | 400 for a malformed field
std::optional<response> check_preconditions(const request& from, std::string_view etag,
                                            std::optional<wall_time> last_modified = {});

}  // namespace strata::server
