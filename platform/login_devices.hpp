#pragma once
/// Browsers from which a user has logged in before, known by a cookie. They have a bucket of their own at
/// login, so that guesses from elsewhere cannot keep the user out (OWASP, "device cookies"). Threads: free
/// functions; callable from any thread.

#include "platform/repositories.hpp"
#include "platform/settings.hpp"

#include <server/request.hpp>

#include <optional>
#include <string>

namespace strata::platform {

/// The id of the device that a request's cookie names; empty: none. It proves nothing until
/// `owner_of_device`.
std::string device_sent_with(const auth_settings& auth, const strata::server::request& from);

/// The user who has logged in with the device `id`; nothing if there is none. Lifetime: `source` outlives the
/// task.
task<result<std::optional<std::string>>> owner_of_device(const repositories& source, std::string id);

/// Remembers a new device of a user inside `work`, and forgets all but their newest. Returns the Set-Cookie
/// line. Lifetime: all outlive the task.
task<result<std::string>> remember_device(const repositories& target, unit_of_work& work,
                                          const auth_settings& auth, std::string user_id);

}  // namespace strata::platform
