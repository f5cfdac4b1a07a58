#pragma once
/// What a session carries from the process where it wrote to those where it reads.
/// Threads: a plain value.

#include <strata/time.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace strata {

/// A point in what has been written through one cache: `cache::written` makes it, `cache::least` reads it.
/// It is no secret and proves nothing: one that was made up costs its bearer hits.
struct write_mark {
  std::uint64_t process = 0;  ///< the cache that it is of, a random number; 0: of no single one
  bool shared = false;        ///< `at` is of the clock of a store that caches share
  commit_time at = 0;
  friend bool operator==(const write_mark&, const write_mark&) = default;
};

/// One mark for both: a read that misses nothing of it misses nothing of either. What a session carries
/// that wrote at one cache, and then, bringing that mark, at another.
write_mark joined(const write_mark& a, const write_mark& b) noexcept;

/// `mark` as at most 40 characters, of a-z, 0-9 and `-`: fit for a cookie and a header field.
std::string to_text(const write_mark& mark);

/// Nothing if `text` is no such text.
std::optional<write_mark> write_mark_of(std::string_view text) noexcept;

}  // namespace strata
