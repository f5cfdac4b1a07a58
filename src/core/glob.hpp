#pragma once
/// Glob patterns over keys, as Redis reads them: `*`, `?`, `[abc]`, `[a-z]`, `[^a]`, `\` escapes.
/// Threads: pure functions.

#include <optional>
#include <string_view>

namespace strata {

/// True if all of `text` matches `pattern`.
/// Cost: O(|pattern| × |text|) at worst: one point to go back to, no recursion.
bool glob_matches(std::string_view pattern, std::string_view text) noexcept;

/// The prefix of a glob that is one, `a:b:*` → `a:b`; nothing for any other glob.
std::optional<std::string_view> glob_prefix(std::string_view pattern) noexcept;

}  // namespace strata
