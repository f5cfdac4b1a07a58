#pragma once
/// Request targets (RFC 9112 §3.2) and percent-encoding (RFC 3986 §2.1).
/// Threads: pure functions.

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace strata::http {

/// A target taken apart, nothing decoded. `path` starts with '/', or is "*".
struct target_parts {
  std::string_view path;
  std::string_view query;
  std::string_view authority;  ///< of the absolute form, else empty
};

/// Takes origin-form, http(s) absolute-form and `*` apart. Nothing if it is none of them, or
/// holds anything but visible ASCII, or a fragment.
std::optional<target_parts> split_target(std::string_view target) noexcept;

/// True if `text` is a host with an optional port, as Host carries it. May be empty.
bool is_host(std::string_view text) noexcept;

/// Appends `text` decoded. `plus_is_space` for queries.
/// Returns false if a `%` has no two hex digits, or what comes out is not UTF-8 or holds a
/// control character; `out` is then of no use.
bool append_decoded(std::string& out, std::string_view text, bool plus_is_space);

}  // namespace strata::http
