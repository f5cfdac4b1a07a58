#pragma once
/// What a session carries from the process where it wrote to those where it reads.
/// Threads: a plain value.

#include <strata/time.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace strata {

/// A point in what has been written through one cache: `cache::latest_write` makes it, `cache::required_asof`
/// reads it. It is no secret and proves nothing: one that was made up costs its bearer hits.
struct consistency_token {
  std::uint64_t process = 0;  ///< the cache that it is of, a random number; 0: of no single one
  bool shared = false;        ///< `at` is of the clock of a store that caches share
  commit_time at = 0;
  friend bool operator==(const consistency_token&, const consistency_token&) = default;
};

/// One mark for both: a read that misses nothing of it misses nothing of either. What a session carries
/// that wrote at one cache, and then, bringing that mark, at another.
consistency_token joined(const consistency_token& a, const consistency_token& b) noexcept;

/// `mark` as at most 40 characters, of a-z, 0-9 and `-`: fit for a cookie and a header field.
std::string to_text(const consistency_token& mark);

/// Nothing if `text` is no such text.
std::optional<consistency_token> consistency_token_of(std::string_view text) noexcept;

}  // namespace strata
