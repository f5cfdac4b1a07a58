#pragma once
/// Every entity of the platform. A new one is added here: its header and its place in `entity_types`.
/// Threads: a typelist.

#include "platform/entities/agent.hpp"
#include "platform/entities/agent_config.hpp"
#include "platform/entities/agent_list.hpp"
#include "platform/entities/agent_tools.hpp"
#include "platform/entities/listing.hpp"
#include "platform/entities/listing_list.hpp"
#include "platform/entities/organization.hpp"
#include "platform/entities/session.hpp"
#include "platform/entities/user.hpp"
#include "platform/entities/user_permissions.hpp"
#include "platform/entities/user_settings.hpp"

#include <boost/mp11/list.hpp>

namespace strata::platform {

/// Migrations, demo data and /docs follow this order: an entity comes after those its rows refer to.
using entity_types =
    boost::mp11::mp_list<organization_entity, user_entity, user_settings_entity, user_permissions_entity,
                         session_entity, agent_list_entity, agent_entity, agent_config_entity,
                         agent_tools_entity, listing_list_entity, listing_entity>;

}  // namespace strata::platform
