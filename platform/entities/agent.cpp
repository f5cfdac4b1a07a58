#include "platform/entities/agent.hpp"

#include "platform/demo_vocabulary.hpp"
#include "platform/demo_writer.hpp"
#include "platform/edit.hpp"
#include "platform/entities/agent_config.hpp"
#include "platform/entities/agent_tools.hpp"
#include "platform/entities/organization.hpp"
#include "platform/import_writer.hpp"
#include "platform/json_schema.hpp"
#include "platform/permissions.hpp"

#include <fmt/format.h>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

namespace strata::platform {

std::vector<migration> agent_entity::migrations() {
  return {{2, "agents", R"sql(
CREATE TABLE agents (
  id              TEXT PRIMARY KEY,
  organization_id TEXT NOT NULL REFERENCES organizations (id),
  name            TEXT NOT NULL,
  description     TEXT NOT NULL DEFAULT '',
  status          TEXT NOT NULL DEFAULT 'active',
  is_public       BIGINT NOT NULL DEFAULT 0 CHECK (is_public IN (0, 1)),
  execution_count BIGINT NOT NULL DEFAULT 0,
  version         BIGINT NOT NULL DEFAULT 1,
  created_at      TEXT NOT NULL,
  updated_at      TEXT NOT NULL
);
CREATE INDEX agents_by_age ON agents (organization_id, created_at DESC, id);
CREATE INDEX agents_by_status ON agents (organization_id, status, created_at DESC, id);
)sql"}};
}

agent_input read_agent(field_reader& in) {
  agent_input out;
  out.name = in.text("name", name_rule);
  out.description = in.text("description", description_rule);
  out.status = in.choice("status", agent_statuses, "active");
  out.is_public = in.flag("is_public", false);
  return out;
}

void agent_input::apply(agent& to) const {
  set_if(to.name, name);
  set_if(to.description, description);
  set_if(to.status, status);
  set_if(to.is_public, is_public);
}

namespace {

response_task create_agent(const services& in, request& from) {
  auto body = parsed_body(from);
  if (!body) return std::move(body.error());
  field_reader fields(*body, field_reader::mode::create);
  const auto input = read_agent(fields);
  fields.read_only({"id", "organization_id", "execution_count", "version", "created_at", "updated_at"});
  if (const auto problems = fields.finish(); !problems.empty()) return unprocessable(problems);
  agent row;
  row.id = new_id(agent_entity::id_prefix);
  row.organization_id = from.who<principal>()->row.organization_id;
  input.apply(row);
  return create<agent_entity>(in.data, from, std::move(row), "/agents/");
}

response_task get_agent(const services& in, request& from) {
  if (!names_row<agent_entity>(from)) return not_found();
  return then(in.data.rows<agent_entity>().find(from.path_parameter("id"), session_read(in, from)),
              [&from](const strata::lookup<cached_response<agent>>& found) -> response {
                if (auto refused = refuse_unseen(found, *from.who<principal>())) return std::move(*refused);
                return response_of(found);
              });
}

response_task patch_agent(const services& in, request& from) {
  if (!names_row<agent_entity>(from)) return not_found();
  auto body = parsed_body(from);
  if (!body) return std::move(body.error());
  field_reader fields(*body, field_reader::mode::patch);
  auto input = read_agent(fields);
  fields.read_only({"id", "organization_id", "execution_count", "version", "created_at", "updated_at"});
  if (const auto problems = fields.finish(); !problems.empty()) return unprocessable(problems);
  return edit<agent_entity>(
      in.data, from, id_of(from),
      [caller = from.principal<principal>()](const agent& row) { return refuse_foreign(row, *caller); },
      [input = std::move(input)](agent& row) {
        input.apply(row);
        return refusal();
      });
}

task<result<response>> delete_once(const services& in, request& from, std::string id,
                                   std::shared_ptr<const principal> caller, unit_of_work work) {
  const auto& agents = in.data.rows<agent_entity>();
  auto scoped = co_await is_in_scope<agent_entity>(work, id, *caller);
  if (!scoped) co_return std::unexpected(std::move(scoped.error()));
  if (!*scoped) co_return not_found();
  auto found = co_await agents.load_readable_in(work, id);  // a row that cannot be read can be deleted
  if (!found) co_return std::unexpected(std::move(found.error()));
  if (!*found) co_return not_found();
  const cached_response<agent> before(std::move((*found)->row));
  if (auto refused = refuse_foreign(before.row, *caller)) co_return std::move(*refused);
  if (auto refused = server::check_preconditions(from, *before.representation)) co_return std::move(*refused);
  auto removed = co_await agents.remove_in(work, id, before.row.version);
  if (!removed) co_return std::unexpected(std::move(removed.error()));
  // The database deletes these with the agent.
  work.forget(in.data.rows<agent_config_entity>().key_of(id).key);
  work.forget(in.data.rows<agent_tools_entity>().key_of(id).key);
  std::vector<domain_event> events;
  events.push_back(event_of<agent_entity>("deleted", before.row));
  auto done = co_await in.data.commit(std::move(work), std::move(events));
  if (!done) co_return std::unexpected(std::move(done.error()));
  co_return server::no_content();
}

response_task delete_later(const services& in, request& from, std::string id,
                           std::shared_ptr<const principal> caller) {
  auto attempt = [&](unit_of_work work) { return delete_once(in, from, id, caller, std::move(work)); };
  auto removed = in.data.in_transaction(attempt);
  co_return response_or_failure(co_await std::move(removed));
}

response_task delete_agent(const services& in, request& from) {
  if (!names_row<agent_entity>(from)) return not_found();
  return delete_later(in, from, id_of(from), from.principal<principal>());
}

response_task execute_later(const services& in, request& from, std::string id,
                            std::shared_ptr<const principal> caller) {
  std::int64_t count = 0;
  auto edited = edit<agent_entity>(
      in.data, from, std::move(id), [caller](const agent& row) { return refuse_foreign(row, *caller); },
      [&count](agent& row) {
        count = row.execution_count = counted_up(row.execution_count);
        return refusal();
      });
  auto out = co_await std::move(edited);
  if (out.status != 200) co_return out;
  co_return server::json(202, R"({"execution_count":)" + std::to_string(count) + '}');
}

response_task execute_agent(const services& in, request& from) {
  if (!names_row<agent_entity>(from)) return not_found();
  return execute_later(in, from, id_of(from), from.principal<principal>());
}

struct imported_agent : imported<agent> {
  std::optional<json::raw> config, tools;
};

task<result<import_outcome>> write_record(import_writer& to, const imported_agent& from) {
  auto done = co_await to.upsert_in_organization<agent_entity, organization_entity>(from);
  if (!done || *done == import_outcome::refused) co_return done;
  bool changed = false;
  if (from.config) {
    auto put = co_await to.put_document<agent_config_entity>(from.fresh.id, *from.config);
    if (!put) co_return std::unexpected(std::move(put.error()));
    changed = *put;
  }
  if (from.tools) {
    auto put = co_await to.put_document<agent_tools_entity>(from.fresh.id, *from.tools);
    if (!put) co_return std::unexpected(std::move(put.error()));
    changed = changed || *put;
  }
  if (!changed || *done != import_outcome::unchanged) co_return done;
  to.events.push_back(event_of<agent_entity>("updated", from.fresh));
  co_return import_outcome::updated;
}

constexpr std::size_t demo_agents = 500;

struct demo_agent {
  agent row;
  strata::json::raw config, tools;
};

demo_agent make_agent(std::size_t index, dice& roll, strata::wall_time now) {
  const auto homes = demo::homes();
  const auto& of = homes[index % homes.size()];
  const auto nth = index / homes.size();  // areas × jobs are 180 names, enough for a third of 500
  const auto& area = of.areas[nth % of.areas.size()];
  const auto& job = demo::jobs()[(nth / of.areas.size() + nth % of.areas.size()) % demo::jobs().size()];
  demo_agent out;
  out.row.name = fmt::format("{} {}", area.name, job.name);
  out.row.description = fmt::format(fmt::runtime(job.does), area.input) + ' ' +
                        fmt::format(fmt::runtime(job.handles), area.owner);
  out.row.id = stable_id(agent_entity::id_prefix, fmt::format("{}/{}/{}", of.slug, slug(out.row.name), nth));
  out.row.organization_id = stable_id(organization_entity::id_prefix, of.slug);
  const auto luck = roll.below(100);
  out.row.status = luck < 78 ? "active" : luck < 88 ? "paused" : luck < 95 ? "draft" : "archived";
  out.row.is_public = roll.below(8) == 0;
  out.row.execution_count =
      out.row.status == "draft" ? 0 : static_cast<std::int64_t>(roll.below(40) * roll.below(900));
  out.row.created_at = days_ago(now, 2 + roll.below(380), roll.below(1440));
  out.config.text = strata::json::to_text(boost::json::object{
      {"model", std::string(roll.pick(demo::models()))},
      {"temperature", static_cast<double>(roll.below(8)) / 10},
      {"max_output_tokens", 512 << roll.below(4)},
      {"instructions", "You work for " + std::string(of.name) + ". " + out.row.description},
      {"limits",
       {{"requests_per_minute", 10 * (1 + roll.below(12))}, {"daily_cost_eur", 2 + roll.below(40)}}}});
  out.tools.text = strata::json::to_text(boost::json::object{
      {"tools",
       boost::json::array{
           {{"name", "search"}, {"source", std::string(area.input)}, {"enabled", true}},
           {{"name", std::string(job.tool)}, {"timeout_seconds", 5 + roll.below(25)}, {"enabled", true}},
           {{"name", "hand_over"}, {"to", std::string(area.owner)}, {"enabled", roll.below(10) != 0}}}}});
  return out;
}

task<result<void>> add_demo_agent(demo_writer& to, demo_agent from) {
  const auto id = from.row.id;
  auto done = co_await to.create<agent_entity>(std::move(from.row));
  if (!done) co_return done;
  stored_document config;
  config.id = id;
  config.document = std::move(from.config);
  done = co_await to.create<agent_config_entity>(std::move(config));
  if (!done) co_return done;
  stored_document tools;
  tools.id = id;
  tools.document = std::move(from.tools);
  co_return co_await to.create<agent_tools_entity>(std::move(tools));
}

}  // namespace

std::vector<endpoint> agent_entity::endpoints() {
  using enum server::method;
  using permission::execute_agents, permission::read_agents, permission::write_agents;
  // clang-format off
  return {
    // method, path, who, permission, handler, Cache-Control, status, response, request, what it does
    {post,    "/agents",                     access::member, write_agents,   create_agent,       {},        201, "agent",              "agent_form",         "Creates an agent in the own organization."},
    {get,     "/agents/{id}",                access::member, read_agents,    get_agent,          cache_privately,     200, "agent",              {},                   "An agent of the own organization."},
    {patch,   "/agents/{id}",                access::member, write_agents,   patch_agent,        {},        200, "agent",              "agent_patch",        "Changes an agent."},
    {delete_, "/agents/{id}",                access::member, write_agents,   delete_agent,       {},        204, {},                   {},                   "Deletes an agent with its config and tools."},
    {post,    "/agents/{id}/executions",     access::member, execute_agents, execute_agent,      {},        202, "execution",          {},                   "Counts one execution of an agent."},
  };
  // clang-format on
}

std::vector<named_schema> agent_entity::schemas() {
  return {
      {"agent", schema_of<agent>({{"status", enum_schema(agent_statuses)}})},
      {"agent_form", R"({"type":"object","required":["name"],"additionalProperties":false,"properties":{)"
                     R"("name":{"type":"string","minLength":1,"maxLength":200},)"
                     R"("description":{"type":["string","null"],"maxLength":2000,"default":""},)"
                     R"("status":)" +
                         enum_schema(agent_statuses, true) +
                         R"(,"is_public":{"type":["boolean","null"],"default":false}}})"},
      {"agent_patch", R"({"type":"object","additionalProperties":false,"properties":{)"
                      R"("name":{"type":"string","minLength":1,"maxLength":200},)"
                      R"("description":{"type":["string","null"],"maxLength":2000},)"
                      R"("status":)" +
                          enum_schema(agent_statuses, true) +
                          R"(,"is_public":{"type":["boolean","null"]}}})"},
      {"execution",
       R"({"type":"object","required":["execution_count"],"properties":{"execution_count":{"type":"integer"}}})"}};
}

import_result agent_entity::import_record(const boost::json::value& from, field_reader& in) {
  imported_agent out;
  out.fresh.id = read_id(in, "id", id_prefix).value_or("");
  out.fresh.organization_id = read_id(in, "organization_id", organization_entity::id_prefix).value_or("");
  read_input(from, in, read_agent, out);
  out.fresh.execution_count = in.count("execution_count", 0).value_or(0);
  out.fresh.created_at = read_created_at(in);
  out.config = read_document_field(in, "config");
  out.tools = read_document_field(in, "tools");
  return checked(in, [record = std::move(out)](import_writer& to) { return write_record(to, record); });
}

task<result<void>> agent_entity::add_demo(demo_writer& to) {
  for (std::size_t i = 0; i < demo_agents; ++i) {
    auto added = co_await add_demo_agent(to, make_agent(i, to.roll, to.now));
    if (!added) co_return added;
  }
  co_return result<void>();
}

}  // namespace strata::platform
