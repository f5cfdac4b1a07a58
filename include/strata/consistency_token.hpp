#pragma once
/// Consistency tokens: a session carries one from the process that it wrote in to those it reads in.
/// Threads: a plain value.

#include <strata/time.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace strata {

/// A point in the writes through one cache. `cache::latest_write` returns it, `cache::required_asof` reads
/// it. It is no secret and proves nothing: an invented token only costs its bearer hits.
struct consistency_token {
  std::uint64_t process = 0;  ///< the cache that issued it, a random number; 0: several caches
  bool shared = false;        ///< `at` is a time of the clock of a store that caches share
  commit_time at = 0;
  friend bool operator==(const consistency_token&, const consistency_token&) = default;
};

/// One token for both: a read that sees every write of it sees every write of either. A session needs it
/// that wrote in one cache and then, with that token, in another.
consistency_token joined(const consistency_token& a, const consistency_token& b) noexcept;

/// `token` as at most 40 characters of a-z, 0-9 and `-`: fit for a cookie and a header field.
std::string to_text(const consistency_token& token);

/// Reads the text of `to_text`. Returns nothing for any other text.
std::optional<consistency_token> consistency_token_of(std::string_view text) noexcept;

}  // namespace strata
