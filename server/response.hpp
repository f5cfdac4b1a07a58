#pragma once
/// A handler's answer. The server adds conditions (304, 412), content coding, HEAD, Date, X-Request-Id and
/// the length, so a handler answers as if the request were unconditional. Threads: a value.

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

class body_stream;

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

  /// The body: `content` if it is set, else `body` with `content_type`, `etag`, `last_modified`.
  std::shared_ptr<const representation> content;
  std::string body;
  static_text content_type;
  std::string etag;  ///< with its quotes
  std::optional<wall_time> last_modified;

  /// Byte ranges of `content` are served (Range, If-Range). Requires: `content`, with a strong tag.
  bool ranges = false;

  /// Not null: sent instead of `body` until it ends; then the connection closes. Only for a 200 to GET.
  std::shared_ptr<body_stream> stream;

  /// Empty: the route's value on a 2xx to GET or HEAD, else `no-store`.
  std::string cache_control;
  std::optional<cache_status> cache;

  /// Adds a field. Throws std::invalid_argument if its name or value could break the message.
  response& add(std::string_view name, std::string_view value);
  std::span<const response_field> fields() const noexcept { return fields_; }

 private:
  std::vector<response_field> fields_;
};

/// One problem of a request: `where` is a JSON pointer into the body ("/name", ""
/// for all of it) or, without a leading slash, the name of a query parameter or field.
struct field_problem {
  std::string where;
  std::string detail;
};

/// `text` as application/json. Requires: valid JSON.
response json(int status, std::string text);
/// 200 with a shared representation.
response ok(std::shared_ptr<const representation> content);
/// application/problem+json (RFC 9457). An empty `title` becomes the status's own phrase.
/// Bytes of `detail` that are not UTF-8 are replaced.
response problem(int status, std::string_view title, std::string_view detail,
                 std::span<const field_problem> errors = {});
inline response problem(int status, std::string_view detail) {
  return problem(status, {}, detail);
}
response no_content();
/// 201 with Location. The caller may set body and etag.
response created(std::string_view location, std::string json_text = {});

/// 302: what is asked for is at `location`. Caches keep it for an hour.
response redirect(std::string_view location);

/// Evaluates If-Match and If-Unmodified-Since (and If-None-Match: * against creating) before a
/// write, RFC 9110 §13.2.2. `etag` is the current tag, empty if there is no such resource.
/// A tag of an encoded form counts as that of its version.
/// Returns: nothing (continue) | 412 | 400 for a malformed field
std::optional<response> check_preconditions(const request& from, std::string_view etag,
                                            std::optional<wall_time> last_modified = {});
inline std::optional<response> check_preconditions(const request& from, const representation& current) {
  return check_preconditions(from, current.etag(), current.last_modified());
}

}  // namespace strata::server
