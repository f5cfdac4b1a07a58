#pragma once
/// Identifiers: a prefix that names the kind of row, and URL-safe characters.
/// Threads: pure functions.

#include <string>
#include <string_view>

namespace strata::platform {

/// `prefix` and 16 characters of 96 random bits.
std::string new_id(std::string_view prefix);

/// `prefix` and 16 characters that depend on `name` alone: the same name gives the same id.
std::string stable_id(std::string_view prefix, std::string_view name);

/// True if a row could have this id: `prefix` and 1 to 60 characters of A-Z a-z 0-9 _ -.
/// The minimum is shorter than in our own ids, since other programs may choose theirs.
bool plausible_id(std::string_view prefix, std::string_view id) noexcept;

/// True if a new row may have this id: `prefix` and 12 to 60 such characters.
bool well_formed_id(std::string_view prefix, std::string_view id) noexcept;

/// `size` random bytes as URL-safe text without padding.
std::string random_text(std::size_t size);

}  // namespace strata::platform
