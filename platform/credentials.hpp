#pragma once
/// Password hashes, in a table of their own: no statement that feeds the cache can select one by mistake.
/// Threads: free functions; callable from any thread.

#include "platform/repositories.hpp"

#include <optional>
#include <string>

namespace strata::platform {

struct credential {
  std::string user_id;
  std::string password_hash;
};

/// The credential of the user with this email, without regard to case. Never cached.
/// Lifetime: `source` outlives the task.
task<result<std::optional<credential>>> credential_of(const repositories& source, std::string email);

/// Whether the user's password hash still is `hash`, read inside `work`. Lifetime: all outlive the task.
task<result<bool>> is_current(unit_of_work& work, const std::string& user_id, const std::string& hash);

/// Sets the user's password hash inside `work`. Lifetime: `target` and `work` outlive the task.
task<result<void>> set_credential(const repositories& target, unit_of_work& work, credential value);

}  // namespace strata::platform
