#pragma once
/// The configured policies of the entities, with the dictionaries from their files.
/// Threads: any.

#include "gateway/config.hpp"
#include "platform/entity_table.hpp"

#include <strata/error.hpp>

namespace strata::gateway {

/// The policy of every entity of `values`. A dictionary that several entities name is read once.
/// Errors: the first file that is not a dictionary, with its key: "entity.agent.dictionaries: …".
result<platform::policy_table> policies_of(const config& values);

}  // namespace strata::gateway
