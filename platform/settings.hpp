#pragma once
/// The settings of passwords, sessions and limits.
/// Threads: plain values.

#include "platform/passwords.hpp"

#include <strata/limiter.hpp>
#include <strata/session_store.hpp>
#include <strata/time.hpp>

#include <string>
#include <vector>

namespace strata::platform {

struct auth_settings {
  password_settings passwords;
  /// `copies` and `time` are those of the platform.
  strata::session_options sessions;
  bool secure_cookie = false;  ///< set if clients connect with TLS
  /// Whose pages may change something with a browser's cookie, besides the gateway's own:
  /// "https://app.example".
  std::vector<std::string> origins;
};

/// A limit of 0 requests is no limit.
struct limit_settings {
  strata::rate_limit user{.limit = 6'000};     ///< requests of one user
  strata::rate_limit user_writes{.limit = 0};  ///< requests of one user that may change something
  strata::rate_limit address{.limit =
                                 12'000};  ///< requests of one address without a session, and refused ones
  strata::rate_limit login_account{.limit = 10};  ///< logins tried for one account from one address
  strata::rate_limit login_address{.limit = 60};  ///< logins tried from one address
};

}  // namespace strata::platform
