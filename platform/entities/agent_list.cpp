#include "platform/entities/agent_list.hpp"

#include "platform/edit.hpp"
#include "platform/entities/agent.hpp"
#include "platform/json_schema.hpp"
#include "platform/list_parameters.hpp"
#include "platform/list_query.hpp"
#include "platform/permissions.hpp"

namespace strata::platform {

namespace {

// A page of an organization's agents, newest first; of one status if it is not empty.
task<lookup<page>> agents_of(const repositories& data, std::string_view organization_id,
                             std::string_view status, page_request part, read_options how) {
  const auto& lists = data.entities().get<agent_list_entity>();
  return data.target().get_or_set(lists(organization_id, part.page, part.limit, status).reading(how),
                                  [&data, organization = std::string(organization_id),
                                   status = std::string(status), part](fill_context& context) {
                                    sql_parameters parameters{organization};
                                    std::string_view condition = "organization_id = $1";
                                    if (!status.empty()) {
                                      parameters.emplace_back(status);
                                      condition = "organization_id = $1 AND status = $2";
                                    }
                                    return load_page<agent>(
                                        data.source(),
                                        page_of(agent_entity::table, column_names<agent>(), condition,
                                                "created_at DESC, id", std::move(parameters), part),
                                        part, context);
                                  });
}

response_task list_agents(const services& in, request& from) {
  std::vector<field_problem> problems;
  const auto part = read_page(from, problems);
  const auto status = read_choice(from, "status", agent_statuses, problems);
  if (!problems.empty()) return unprocessable(problems);
  return then(
      agents_of(in.data, from.who<principal>()->row.organization_id, status, part, session_read(in, from)),
      [](const lookup<page>& found) -> response {
        return found ? response_of(found) : failed(*found.failure());
      });
}

}  // namespace

std::vector<endpoint> agent_list_entity::endpoints() {
  using enum server::method;
  using permission::read_agents;
  const query_parameter status_parameter{"status", enum_schema(agent_statuses), "only agents in this status"};
  // clang-format off
  return {
    // method, path, who, permission, handler, Cache-Control, status, response, request, what it does
    {get,     "/agents",                     access::member, read_agents,    list_agents,        cache_privately_for_a_minute, 200, "agent_page",         {},                   "The own organization's agents, newest first.", {page_parameter(), limit_parameter(), status_parameter}},
  };
  // clang-format on
}

std::vector<named_schema> agent_list_entity::schemas() {
  return {{"agent_page", page_schema("agent")}};
}

}  // namespace strata::platform
