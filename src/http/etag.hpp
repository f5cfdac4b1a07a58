#pragma once
/// Entity tags (RFC 9110 §8.8.3) and the lists of them in If-Match and If-None-Match.
/// Threads: pure functions.

#include <optional>
#include <string_view>

namespace strata::http {

/// `opaque` keeps its quotes.
struct entity_tag {
  std::string_view opaque;
  bool weak = false;
  friend bool operator==(const entity_tag&, const entity_tag&) = default;
};

/// One tag and nothing else; nothing if it is malformed.
std::optional<entity_tag> parse_etag(std::string_view text) noexcept;

/// RFC 9110 §8.8.3.2: strong wants both strong, weak looks at the opaque parts only.
bool strong_equal(entity_tag a, entity_tag b) noexcept;
bool weak_equal(entity_tag a, entity_tag b) noexcept;

/// What the tag of a gzip or zstd form adds to its version's, inside the quotes.
inline constexpr std::string_view gzip_suffix = "-gz";
inline constexpr std::string_view zstd_suffix = "-zs";

/// True if `tag` names `version` itself or one of its encoded forms: `"v7"`, `"v7-gz"`, `"v7-zs"`.
/// Compares the opaque parts only.
bool names_form_of(entity_tag tag, entity_tag version) noexcept;

/// How a list of tags compares with the current one.
struct tag_match {
  enum class answer { no, yes, malformed };
  answer result = answer::no;
  std::string_view matched;  ///< on yes: the tag as it was sent, `W/` included, or "*"
};

/// If-None-Match: weak comparison. `current` empty: there is no such resource, and nothing matches.
/// Errors: malformed, for a list that is empty, holds anything but tags, or holds `*` among others.
tag_match match_weak(std::string_view list, std::string_view current) noexcept;
/// If-Match: strong comparison. As above.
tag_match match_strong(std::string_view list, std::string_view current) noexcept;

}  // namespace strata::http
