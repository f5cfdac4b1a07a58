#pragma once
/// The part of a session that is encrypted at rest: XChaCha20-Poly1305, bound to the session's id, so that it
/// opens in its own row alone.
/// Threads: pure functions.
///
///   sealed   "1." key id "." base64url(nonce, ciphertext, tag)
///   clear    the text, which begins with "{": a ring without keys

#include <strata/encryption.hpp>
#include <strata/error.hpp>

#include <string>
#include <string_view>

namespace strata::detail {

/// `text` for the row `id`. In clear if `keys` is null or has no active key.
std::string seal_session(std::string_view text, std::string_view id, const key_ring* keys);

/// The text behind `sealed`. Errors: corrupt_entry with the reason.
result<std::string> open_session(std::string_view sealed, std::string_view id, const key_ring* keys);

}  // namespace strata::detail
