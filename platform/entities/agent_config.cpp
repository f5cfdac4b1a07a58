#include "platform/entities/agent_config.hpp"

#include "platform/edit.hpp"
#include "platform/entities/agent.hpp"
#include "platform/permissions.hpp"

namespace strata::platform {

std::vector<migration> agent_config_entity::migrations() {
  return {{2, "agents", R"sql(
CREATE TABLE agent_configs (
  id         TEXT PRIMARY KEY REFERENCES agents (id) ON DELETE CASCADE,
  document   TEXT NOT NULL,
  version    BIGINT NOT NULL DEFAULT 1,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL
);
)sql"}};
}

namespace {

response_task get_config(const services& in, request& from) {
  return get_part<agent_entity, agent_config_entity>(in, from, refuse_foreign<agent>);
}

response_task put_config(const services& in, request& from) {
  return put_document<agent_entity, agent_config_entity>(in, from, refuse_foreign<agent>);
}

}  // namespace

std::vector<endpoint> agent_config_entity::endpoints() {
  using enum server::method;
  using permission::read_agents, permission::write_agents;
  // clang-format off
  return {
    // method, path, who, permission, handler, Cache-Control, status, response, request, what it does
    {get,     "/agents/{id}/config",         access::member, read_agents,    get_config,         cache_privately,     200, "document",           {},                   "An agent's config; {} if none was put."},
    {put,     "/agents/{id}/config",         access::member, write_agents,   put_config,         {},        200, "document",           "document",           "Replaces an agent's config.", {}, document_body},
  };
  // clang-format on
}

}  // namespace strata::platform
