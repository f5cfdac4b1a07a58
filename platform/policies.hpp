#pragma once
/// How long each entity of the platform is cached: the table of docs/architecture.md, in code.
/// Threads: values.

#include <strata/policy.hpp>

#include <map>
#include <string>

namespace platform {

/// A policy per entity, by the name a configuration file uses: `user`, `user_permissions`,
/// `user_settings`, `agent`, `agent_config`, `agent_tools`, `organization`, `listing`,
/// `agent_list`, `listing_list`.
using policy_table = std::map<std::string, strata::policy>;

/// The defaults. Change what you like and hand it to `app_options::policies`.
policy_table default_policies();

}  // namespace platform
