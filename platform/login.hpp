#pragma once
/// How a session begins: with a password, or with an invitation that sets one.
/// Threads: free functions; callable from any thread.

#include "platform/credentials.hpp"
#include "platform/endpoints.hpp"
#include "platform/responses.hpp"

#include <functional>
#include <optional>
#include <string>

namespace strata::platform {

/// What a login does besides beginning a session, inside its transaction. Returns false if the login is
/// refused.
using login_condition = std::function<task<result<bool>>(unit_of_work&)>;

/// Begins a session of the user with this id, if they and their organization may log in, and if `holds`. A
/// session that the request carries ends: a planted one must not become a login. `add_device`: remember the
/// browser. Returns: 200 with session and user, `refused`, or the response to an error. Lifetime: all but the
/// id outlive the task.
response_task begin_login(const services& in, request& from, std::string user_id, bool add_device,
                          login_condition holds, response refused);

/// POST /auth/login
response_task login(const services& in, request& from);
/// POST /auth/invitations: sets the password of an invited user.
response_task accept_invitation(const services& in, request& from);
/// PUT /auth/password
response_task put_password(const services& in, request& from);

/// POST /users: adds a user without a password, and returns the invitation that sets it.
response_task invite_user(const services& in, request& from);
/// POST /users/{id}/invitation: another invitation, for a user who has no password yet.
response_task invite_again(const services& in, request& from);

}  // namespace strata::platform
