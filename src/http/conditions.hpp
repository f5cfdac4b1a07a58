#pragma once
/// Conditional requests, in the order of RFC 9110 §13.2.2.
/// Threads: pure functions.

#include <chrono>
#include <optional>
#include <string_view>

namespace strata::http {

/// The request's conditions. A field that was not sent is nothing; an empty one is malformed.
struct conditions {
  std::optional<std::string_view> if_match;
  std::optional<std::string_view> if_none_match;
  std::optional<std::string_view> if_modified_since;
  std::optional<std::string_view> if_unmodified_since;

  bool any() const noexcept { return if_match || if_none_match || if_modified_since || if_unmodified_since; }
};

/// The current state of the requested resource.
struct validators {
  std::string_view etag;  ///< with quotes and W/; empty: none
  std::optional<std::chrono::sys_seconds> last_modified;
  bool exists = true;
};

struct verdict {
  enum class outcome { proceed, not_modified, precondition_failed, bad_request };
  outcome result = outcome::proceed;
  std::string_view why;      ///< static text, for precondition_failed and bad_request
  std::string_view matched;  ///< not_modified by tag: the client's tag, which a 304 repeats
};

/// Evaluates the conditions. `safe`: GET or HEAD, whose If-None-Match answers 304 and not 412. A malformed
/// date is ignored, as is If-Modified-Since beside If-None-Match or on an unsafe method. A malformed
/// If-None-Match matches nothing if `safe`; on a write it is a bad request, as is a malformed If-Match.
/// A tag of an encoded form stands for its version (`names_form_of`).
/// A resource that exists without a tag fails If-Match with tags and matches no If-None-Match but `*`.
verdict evaluate(const conditions& requested, const validators& current, bool safe,
                 std::chrono::sys_seconds now);

}  // namespace strata::http
