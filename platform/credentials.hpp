#pragma once
/// Password hashes, in a table of their own: no statement that feeds the cache can select one by mistake.
/// Threads: free functions; callable from any thread.

#include "platform/repositories.hpp"

#include <strata/session_store.hpp>

#include <cstddef>
#include <optional>
#include <string>

namespace strata::platform {

struct credential {
  std::string user_id;
  std::string password_hash;
};

/// The credential of the user with this email (emails.hpp), without regard to case. Never cached. Without an
/// organization only an address that an operator gave counts: one that an administrator gave names no account
/// but with its organization (docs/decisions/0019-emails-per-organization.md). Lifetime: `source` outlives
/// the task.
task<result<std::optional<credential>>> credential_of(const repositories& source, std::string email,
                                                      std::string organization_id = {});
/// That of the user with this id.
task<result<std::optional<credential>>> credential_of_user(const repositories& source, std::string user_id);

/// Whether the user's password hash still is `hash`, read inside `work`. Lifetime: all outlive the task.
task<result<bool>> is_current(unit_of_work& work, const std::string& user_id, const std::string& hash);

/// Sets a password and ends the user's sessions but `kept`, if the hash still is `before` (nothing: whatever
/// it is). Returns how many sessions ended; nothing if the hash is another one. Lifetime: all outlive the
/// task.
task<result<std::optional<std::size_t>>> change_password(const repositories& target, session_store& sessions,
                                                         credential value, std::optional<std::string> before,
                                                         std::string kept);

/// Sets the user's password hash inside `work`. Lifetime: `target` and `work` outlive the task.
task<result<void>> set_credential(const repositories& target, unit_of_work& work, credential value);

}  // namespace strata::platform
