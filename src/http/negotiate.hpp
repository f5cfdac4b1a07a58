#pragma once
/// Content negotiation: Accept-Encoding and Accept (RFC 9110 §12.5), media types (§8.3).
/// Threads: pure functions.

#include <cstdint>
#include <optional>
#include <string_view>

namespace strata::http {

enum class coding : std::uint8_t { identity, gzip, zstd };

/// The coding to send, or nothing: the client refuses identity and every other coding (406).
/// The highest weight wins, at equal weight zstd, gzip, identity. `encodable` false: only
/// identity is offered. A malformed element is skipped. `field` empty: the client did not send it.
std::optional<coding> negotiate_coding(std::optional<std::string_view> field, bool encodable) noexcept;

/// "identity", "gzip", "zstd".
std::string_view name(coding which) noexcept;

/// `type/subtype; name=value…`. Views into what was parsed.
struct media_type {
  std::string_view type;
  std::string_view subtype;
  std::string_view parameters;  ///< what comes after the first ';'
};

/// Nothing if it is malformed.
std::optional<media_type> parse_media_type(std::string_view text) noexcept;

/// True if both have the same type and subtype.
bool same_type(const media_type& a, std::string_view b) noexcept;

/// The charset of `of` is UTF-8, or not given.
bool is_utf8_charset(const media_type& of) noexcept;

/// False only if Accept's `field` clearly excludes `type` ("application/json"): the most specific range that
/// covers it has a weight of 0, or no range covers it and all are well-formed. In doubt, true: a range whose
/// parameters are not those of `type` covers it, a malformed weight is above 0, `*` is `*/*`.
bool accepts(std::string_view field, std::string_view type) noexcept;

/// True if compressing this type pays: text, JSON, XML, JavaScript, SVG.
bool is_compressible(std::string_view content_type) noexcept;

}  // namespace strata::http
