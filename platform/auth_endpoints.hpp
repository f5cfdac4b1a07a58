#pragma once
/// The endpoints of /auth: log in, log out, look at the session.
/// Threads: pure functions.

#include "platform/endpoints.hpp"

#include <vector>

namespace strata::platform {

std::vector<endpoint> auth_endpoints();
std::vector<named_schema> auth_schemas();

}  // namespace strata::platform
