#pragma once
/// A user who gains rights gets new session tokens. An attacker may have planted the old one.
/// Threads: any.

#include "platform/endpoints.hpp"

#include <string>

namespace strata::platform {

/// `change`, and if it succeeded, every session of the user is marked: its rotation is due.
/// Lifetime: `in` outlives the task.
response_task rotate_after(const services& in, std::string user_id, response_task change);

}  // namespace strata::platform
