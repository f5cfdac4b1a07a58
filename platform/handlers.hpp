#pragma once
/// The handlers of the API, by resource. Each has passed its gate: see gate.hpp.
/// Threads: any. Lifetime: `in` outlives the task; `from` as server/request.hpp says.

#include "platform/services.hpp"

#include <server/message.hpp>
#include <strata/task.hpp>

namespace strata::platform {

using response_task = strata::task<strata::server::response>;

// auth_handlers.cpp
response_task login(const services& in, strata::server::request& from);
response_task logout(const services& in, strata::server::request& from);
response_task logout_all(const services& in, strata::server::request& from);
response_task get_session(const services& in, strata::server::request& from);

// user_handlers.cpp
response_task get_me(const services& in, strata::server::request& from);
response_task get_user(const services& in, strata::server::request& from);
response_task patch_user(const services& in, strata::server::request& from);
response_task get_permissions(const services& in, strata::server::request& from);
response_task put_permissions(const services& in, strata::server::request& from);
response_task get_settings(const services& in, strata::server::request& from);
response_task put_settings(const services& in, strata::server::request& from);
response_task get_organization(const services& in, strata::server::request& from);
response_task patch_organization(const services& in, strata::server::request& from);

// agent_handlers.cpp
response_task list_agents(const services& in, strata::server::request& from);
response_task create_agent(const services& in, strata::server::request& from);
response_task get_agent(const services& in, strata::server::request& from);
response_task patch_agent(const services& in, strata::server::request& from);
response_task delete_agent(const services& in, strata::server::request& from);
response_task get_config(const services& in, strata::server::request& from);
response_task put_config(const services& in, strata::server::request& from);
response_task get_tools(const services& in, strata::server::request& from);
response_task put_tools(const services& in, strata::server::request& from);
response_task execute_agent(const services& in, strata::server::request& from);

// listing_handlers.cpp
response_task list_listings(const services& in, strata::server::request& from);
response_task get_listing(const services& in, strata::server::request& from);
response_task install_listing(const services& in, strata::server::request& from);

}  // namespace strata::platform
