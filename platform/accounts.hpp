#pragma once
/// What an operator does to accounts from the command line. These functions check no caller: the database's
/// own access rights decide. Threads: callable from any thread.

#include "platform/app.hpp"
#include "platform/entities/organization.hpp"
#include "platform/entities/user.hpp"

#include <strata/error.hpp>
#include <strata/task.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace strata::platform {

/// A user to add. `email` becomes their login.
struct new_account {
  std::string email;
  std::string name;  ///< empty: the part of the email before the @
  std::string organization_id;
  bool is_admin = false;
  std::string password;
};

/// Lifetime: `in` outlives the tasks of all functions here.
task<result<organization>> add_organization(app& in, std::string name, std::string plan);
task<result<std::vector<organization>>> list_organizations(app& in);

/// Errors: invalid_argument, not_found (the organization), constraint (the email), busy; those of the
/// database.
task<result<user>> add_user(app& in, new_account of);
/// Of one organization, or of all if it is empty. By organization and email.
task<result<std::vector<user>>> list_users(app& in, std::string organization_id);
/// The user with this id, or with this email. Errors: not_found; invalid_argument if several organizations
/// have a user with the email.
task<result<user>> find_user(app& in, std::string id_or_email);
/// Ends every session of the user. Returns how many there were.
task<result<std::size_t>> set_password(app& in, std::string user_id, std::string password);
/// Lets the user log in with their email alone, whichever organization they belong to. Errors: constraint if
/// another user does.
task<result<void>> verify_email(app& in, std::string user_id);
/// Deletes the user with their sessions, settings and permissions.
task<result<void>> remove_user(app& in, std::string user_id);

}  // namespace strata::platform
