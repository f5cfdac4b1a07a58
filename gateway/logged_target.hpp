#pragma once
/// Request targets as the access log shows them.
/// Threads: pure functions.

#include <string>
#include <string_view>

namespace strata::gateway {

/// `target` with "***" in place of possible secrets: the values of query parameters that are called
/// token, session, password, key and the like, every value that holds one of our tokens, also
/// percent-encoded, and our tokens in the path. The gateway reads no token from a target, but clients err.
std::string without_secrets(std::string_view target);

}  // namespace strata::gateway
