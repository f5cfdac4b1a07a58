#pragma once
/// Cache-Control (RFC 9111 §5.2, RFC 5861, RFC 8246), read and written.
/// Threads: pure functions.

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace strata::http {

struct cache_control {
  std::optional<std::chrono::seconds> max_age;
  std::optional<std::chrono::seconds> s_maxage;
  std::optional<std::chrono::seconds> stale_while_revalidate;
  std::optional<std::chrono::seconds> stale_if_error;
  std::optional<std::chrono::seconds> min_fresh;  ///< requests only
  std::optional<std::chrono::seconds> max_stale;  ///< requests only; without a value: seconds::max()
  bool is_public = false;
  bool is_private = false;
  bool no_store = false;
  bool no_cache = false;
  bool no_transform = false;
  bool must_revalidate = false;
  bool proxy_revalidate = false;
  bool must_understand = false;
  bool immutable = false;
  bool only_if_cached = false;  ///< requests only

  friend bool operator==(const cache_control&, const cache_control&) = default;
};

/// Reads the directives that a cache must obey, and in doubt caches less: it skips unknown directives, takes
/// 0 (stale) for a lifetime that is not a number and 2^31 s for one that is too large, takes the shorter of
/// repeated lifetimes, and reads `private="field"` as `private`.
cache_control parse_cache_control(std::string_view text);

/// "public, max-age=300, s-maxage=600". Empty if nothing is set.
std::string to_text(const cache_control& directives);

/// The first problem of a Cache-Control to be sent, or nothing: an unknown, malformed or repeated directive,
/// `public` with `private`, a lifetime with `no-store`.
std::optional<std::string> find_problem(std::string_view text);

}  // namespace strata::http
