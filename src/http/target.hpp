#pragma once
/// Request targets (RFC 9112 §3.2) and percent-encoding (RFC 3986 §2.1).
/// Threads: pure functions.

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace strata::http {

/// The parts of a target, still encoded. `path` starts with '/', or is "*".
struct target_parts {
  std::string_view path;
  std::string_view query;
  std::string_view authority;  ///< of the absolute form, else empty
};

/// Splits origin-form, http(s) absolute-form or `*`. Nothing if it is none of them, has a fragment, or holds
/// anything but visible ASCII.
std::optional<target_parts> split_target(std::string_view target) noexcept;

/// True if `text` is a host with an optional port, as Host carries it. May be empty.
bool is_host(std::string_view text) noexcept;

/// Appends `text` decoded. `plus_is_space` for queries.
/// Returns false, and leaves `out` unspecified, if a `%` lacks two hex digits, or the decoded text is not
/// UTF-8 or holds a control character.
bool append_decoded(std::string& out, std::string_view text, bool plus_is_space);

}  // namespace strata::http
