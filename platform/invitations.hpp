#pragma once
/// Invitations: an administrator adds a user, who sets a password with a token that works once.
/// Threads: free functions; callable from any thread.
///
/// An administrator could try out addresses to learn which ones other organizations use. So an address that
/// an administrator sets is unique in the organization only, and its user names the organization to log in
/// (docs/decisions/0019-emails-per-organization.md).

#include "platform/endpoints.hpp"
#include "platform/repositories.hpp"
#include "platform/responses.hpp"

#include <string>

namespace strata::platform {

/// True if another user of the organization has this email. Lifetime: `work` outlives the task.
task<result<bool>> is_email_taken(unit_of_work& work, std::string organization_id, std::string_view email,
                                  std::string id);

/// The 409 for it.
response email_taken();

}  // namespace strata::platform
