#pragma once
/// The objects that handlers use.
/// Threads: immutable references to internally locked objects.

#include "platform/passwords.hpp"
#include "platform/repositories.hpp"
#include "platform/sessions.hpp"
#include "platform/settings.hpp"

#include <strata/cache.hpp>
#include <strata/limiter.hpp>
#include <strata/time.hpp>

#include <functional>
#include <optional>
#include <string_view>

namespace strata::platform {

/// The limiters in force; none where the limit is 0.
struct limits {
  explicit limits(const limit_settings& settings);
  std::optional<strata::limiter> user, address, login_account, login_address;
};

/// Lifetime: every referenced object outlives it.
struct services {
  const repositories& data;
  strata::cache& cache;
  session_table& sessions;
  password_hasher& passwords;
  limits& limited;
  const strata::clock& time;
  const auth_settings& auth;
  std::function<void(std::string_view)> log;
};

}  // namespace strata::platform
