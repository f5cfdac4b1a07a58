#pragma once
/// The entities' policies as configured, with the dictionaries that their files hold.
/// Threads: any.

#include "gateway/config.hpp"
#include "platform/entity_table.hpp"

#include <strata/error.hpp>

namespace strata::gateway {

/// The policy of every entity of `values`. A dictionary that several name is read once.
/// Errors: of the first file that is no dictionary, with its key: "entity.agent.dictionaries: …".
result<platform::policy_table> policies_of(const config& values);

}  // namespace strata::gateway
