#pragma once
/// What the platform caches: name, key and time to live of every entity, in one table.
/// Threads: immutable values.

#include "platform/cached_response.hpp"

#include <strata/entity.hpp>
#include <strata/policy.hpp>
#include <strata/repository.hpp>

#include <chrono>
#include <map>
#include <string>

namespace strata::platform {

/// A policy per entity, by the name a configuration file gives it.
using policy_table = std::map<std::string, strata::policy>;

/// Whether the second level may read an entity's values.
enum class secrecy { open, sensitive };

/// For how long the last value stands in while the database does not answer, marked stale. Who somebody is
/// may be a minute old then, and what they may do never is.
enum class stand_in { never, minute, day };

/// An entity with its name, its default time to live, whether it is sensitive, and what stands in for it.
template <strata::fixed_string Name, class T, strata::fixed_string Key, unsigned Minutes,
          secrecy Secrecy = secrecy::open, stand_in StandIn = stand_in::never>
struct cached_entity : strata::entity<T, Key> {
  using repository = strata::repository<T, Key>;
  static constexpr std::string_view name = Name.view();
  static strata::policy default_policy() {
    strata::policy out{.ttl = std::chrono::minutes(Minutes),
                       .hard_timeout = std::chrono::seconds(2),
                       .sensitive = Secrecy == secrecy::sensitive};
    if (StandIn == stand_in::never) return out;
    out.fail_safe = true;
    out.grace = StandIn == stand_in::day ? std::chrono::hours(24) : std::chrono::minutes(1);
    out.throttle = std::chrono::seconds(1);
    out.soft_timeout = std::chrono::milliseconds(100);
    return out;
  }

  explicit cached_entity(const policy_table& policies) : strata::entity<T, Key>(chosen(policies)) {}

 private:
  static strata::policy chosen(const policy_table& policies) {
    const auto found = policies.find(std::string(name));
    return found == policies.end() ? default_policy() : found->second;
  }
};

// clang-format off
//                                         name in strata.toml  what is cached             key                     minutes
using user_entity         = cached_entity<"user",             cached_response<user>,             "user:{id}",             60, secrecy::open, stand_in::minute>;
using permissions_entity  = cached_entity<"user_permissions", cached_response<user_permissions>, "user:{id}:permissions",  5, secrecy::sensitive>;
using settings_entity     = cached_entity<"user_settings",    cached_response<stored_document>,  "user:{id}:settings",    60, secrecy::sensitive>;
using agent_entity        = cached_entity<"agent",            cached_response<agent>,            "agent:{id}",            30, secrecy::open, stand_in::day>;
using config_entity       = cached_entity<"agent_config",     cached_response<stored_document>,  "agent:{id}:config",     30, secrecy::open, stand_in::day>;
using tools_entity        = cached_entity<"agent_tools",      cached_response<stored_document>,  "agent:{id}:tools",      30, secrecy::open, stand_in::day>;
using organization_entity = cached_entity<"organization",     cached_response<organization>,     "org:{id}",              60, secrecy::open, stand_in::day>;
using listing_entity      = cached_entity<"listing",          cached_response<listing>,          "listing:{id}",          30, secrecy::open, stand_in::day>;
using agent_list_entity   = cached_entity<"agent_list",       page,
                            "api:agents:list:{organization}:page_{page}:limit_{limit}:status_{status}",             1, secrecy::open, stand_in::day>;
using listing_list_entity = cached_entity<"listing_list",     page,
                            "api:listings:list:page_{page}:limit_{limit}:q_{q}",                                    1, secrecy::open, stand_in::day>;
// clang-format on

/// The entities of one platform, each under the policy that `policies` has for it.
/// Throws strata::bad_options for a name that no entity has, and for a policy that is not sound.
struct entity_table {
  explicit entity_table(const policy_table& policies = {});

  user_entity users;
  permissions_entity permissions;
  settings_entity settings;
  agent_entity agents;
  config_entity configs;
  tools_entity tools;
  organization_entity organizations;
  listing_entity listings;
  agent_list_entity agent_lists;
  listing_list_entity listing_lists;
};

/// The defaults of all, to be changed and handed to `app_options::policies`.
policy_table default_policies();

}  // namespace strata::platform
