#pragma once
/// Tokens that prove something once or for long: invitations, known devices. The database holds their hashes.
/// Threads: pure functions, but for the random numbers.

#include <string>
#include <string_view>

namespace strata::platform {

/// `prefix` and 256 random bits.
std::string new_secret_token(std::string_view prefix);

/// True if `text` could be such a token.
bool plausible_secret_token(std::string_view prefix, std::string_view text) noexcept;

/// BLAKE2b-256. A token has 256 random bits, so that its hash needs no salt.
std::string hash_of_token(std::string_view token);

}  // namespace strata::platform
