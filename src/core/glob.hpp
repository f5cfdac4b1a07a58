#pragma once
/// Glob patterns over keys, as Redis reads them: `*`, `?`, `[abc]`, `[a-z]`, `[^a]`, `\` escapes.
/// Threads: pure functions.

#include <optional>
#include <string_view>

namespace strata {

/// Returns whether all of `text` matches `pattern`.
/// Cost: O(|pattern| × |text|) at worst: one point to backtrack to, no recursion.
bool glob_matches(std::string_view pattern, std::string_view text) noexcept;

/// Returns the prefix that a glob like `a:b:*` stands for, `a:b`; nothing for any other glob.
std::optional<std::string_view> glob_prefix(std::string_view pattern) noexcept;

/// `a` for the prefixes `a` and `a:`, since the `:` at which keys continue is not part of a prefix. Empty:
/// every key continues it.
std::string_view prefix_without_boundary(std::string_view prefix) noexcept;

}  // namespace strata
