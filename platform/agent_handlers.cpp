#include "platform/consistency_cookie.hpp"
#include "platform/edit.hpp"
#include "platform/handlers.hpp"
#include "platform/ids.hpp"
#include "platform/input_schemas.hpp"
#include "platform/list_parameters.hpp"

#include <boost/json/value.hpp>

namespace strata::platform {

namespace {

namespace server = strata::server;
using maybe_refused = std::optional<response>;

// Everything about an agent is its organization's alone; for others it does not exist.
maybe_refused refuse_foreign(const agent& row, const principal& who) {
  if (row.organization_id != who.row.organization_id) return not_found();
  return {};
}

maybe_refused refuse_unseen(const strata::lookup<cached_response<agent>>& found, const principal& who) {
  if (found.failure() != nullptr) return failed(*found.failure());
  if (!found) return not_found();
  return refuse_foreign(found->row, who);
}

strata::domain_event updated(const agent& row) {
  return agent_event("updated", row);
}

bool names_agent(const request& from) {
  return plausible_id(agent_prefix, from.path_parameter("id"));
}
std::string id_of(const request& from) {
  return std::string(from.path_parameter("id"));
}

template <class Repository>
response_task get_document(const services& in, request& from, const Repository& documents) {
  if (!names_agent(from)) return not_found();
  return then(in.data.agents.find(from.path_parameter("id"), session_read(in, from)),
              [&](const strata::lookup<cached_response<agent>>& found) -> response_task {
                if (auto refused = refuse_unseen(found, *from.who<principal>())) return std::move(*refused);
                return then(documents.find(found->row.id, session_read(in, from)),
                            [](const strata::lookup<cached_response<stored_document>>& part) -> response {
                              if (part.failure() != nullptr) return failed(*part.failure());
                              return part ? response_of(part)
                                          : default_response<stored_document>(part.info());
                            });
              });
}

template <class Repository>
response_task put_document(const services& in, request& from, const Repository& documents) {
  if (!names_agent(from)) return not_found();
  auto value = put_document_of(from);
  if (!value) return std::move(value.error());
  const auto who = from.principal<principal>();
  return put_part(
      in.data, from, in.data.agents, documents, std::move(*value),
      [who](const agent& row) { return refuse_foreign(row, *who); }, updated);
}

strata::task<strata::result<response>> create_once(const services& in, request& from, agent row,
                                                   strata::unit_of_work work) {
  // If-None-Match: * asks that there be none yet; a new id never is.
  if (auto refused = server::check_preconditions(from, {})) co_return std::move(*refused);
  auto written = co_await in.data.agents.create_in(work, std::move(row));
  if (!written) co_return std::unexpected(std::move(written.error()));
  std::vector<strata::domain_event> events;
  events.push_back(agent_event("created", *written));
  auto done = co_await in.data.commit(std::move(work), std::move(events));
  if (!done) co_return std::unexpected(std::move(done.error()));
  const cached_response<agent> now(std::move(*written));
  auto out = server::created("/agents/" + now.row.id);
  out.content = now.representation;
  co_return out;
}

response_task create_later(const services& in, request& from, agent row) {
  auto attempt = [&](strata::unit_of_work work) { return create_once(in, from, row, std::move(work)); };
  auto made = in.data.in_transaction(attempt);
  co_return response_or_failure(co_await std::move(made));
}

strata::task<strata::result<response>> delete_once(const services& in, request& from, std::string id,
                                                   std::shared_ptr<const principal> who,
                                                   strata::unit_of_work work) {
  auto found = co_await in.data.agents.load_in(work, id);
  if (!found) co_return std::unexpected(std::move(found.error()));
  if (!*found) co_return not_found();
  const cached_response<agent> before(std::move(**found));
  if (auto refused = refuse_foreign(before.row, *who)) co_return std::move(*refused);
  if (auto refused = server::check_preconditions(from, before.representation->etag()))
    co_return std::move(*refused);
  auto removed = co_await in.data.agents.remove_in(work, id, before.row.version);
  if (!removed) co_return std::unexpected(std::move(removed.error()));
  // The database deletes these with the agent.
  work.forget(in.data.configs.key_of(id).key);
  work.forget(in.data.tools.key_of(id).key);
  std::vector<strata::domain_event> events;
  events.push_back(agent_event("deleted", before.row));
  auto done = co_await in.data.commit(std::move(work), std::move(events));
  if (!done) co_return std::unexpected(std::move(done.error()));
  co_return server::no_content();
}

response_task delete_later(const services& in, request& from, std::string id,
                           std::shared_ptr<const principal> who) {
  auto attempt = [&](strata::unit_of_work work) { return delete_once(in, from, id, who, std::move(work)); };
  auto removed = in.data.in_transaction(attempt);
  co_return response_or_failure(co_await std::move(removed));
}

response_task execute_later(const services& in, request& from, std::string id,
                            std::shared_ptr<const principal> who) {
  std::int64_t count = 0;
  auto edited = edit(
      in.data, from, in.data.agents, std::move(id),
      [who](const agent& row) { return refuse_foreign(row, *who); },
      [&count](agent& row) {
        count = ++row.execution_count;
        return maybe_refused();
      },
      updated);
  auto out = co_await std::move(edited);
  if (out.status != 200) co_return out;
  co_return server::json(202, R"({"execution_count":)" + std::to_string(count) + '}');
}

}  // namespace

response_task list_agents(const services& in, request& from) {
  std::vector<field_problem> problems;
  const auto part = read_page(from, problems);
  const auto status = read_choice(from, "status", agent_statuses, problems);
  if (!problems.empty()) return unprocessable(problems);
  return then(
      in.data.agents_of(from.who<principal>()->row.organization_id, status, part, session_read(in, from)),
      [](const strata::lookup<page>& found) -> response {
        return found ? response_of(found) : failed(*found.failure());
      });
}

response_task create_agent(const services& in, request& from) {
  auto body = parsed_body(from);
  if (!body) return std::move(body.error());
  field_reader fields(*body, field_reader::mode::create);
  const auto form = read_agent(fields);
  fields.read_only({"id", "organization_id", "execution_count", "version", "created_at", "updated_at"});
  if (const auto problems = fields.finish(); !problems.empty()) return unprocessable(problems);
  agent row;
  row.id = new_id(agent_prefix);
  row.organization_id = from.who<principal>()->row.organization_id;
  form.apply(row);
  return create_later(in, from, std::move(row));
}

response_task get_agent(const services& in, request& from) {
  if (!names_agent(from)) return not_found();
  return then(in.data.agents.find(from.path_parameter("id"), session_read(in, from)),
              [&from](const strata::lookup<cached_response<agent>>& found) -> response {
                if (auto refused = refuse_unseen(found, *from.who<principal>())) return std::move(*refused);
                return response_of(found);
              });
}

response_task patch_agent(const services& in, request& from) {
  if (!names_agent(from)) return not_found();
  auto body = parsed_body(from);
  if (!body) return std::move(body.error());
  field_reader fields(*body, field_reader::mode::patch);
  auto form = read_agent(fields);
  fields.read_only({"id", "organization_id", "execution_count", "version", "created_at", "updated_at"});
  if (const auto problems = fields.finish(); !problems.empty()) return unprocessable(problems);
  const auto who = from.principal<principal>();
  return edit(
      in.data, from, in.data.agents, id_of(from),
      [who](const agent& row) { return refuse_foreign(row, *who); },
      [form = std::move(form)](agent& row) {
        form.apply(row);
        return maybe_refused();
      },
      updated);
}

response_task delete_agent(const services& in, request& from) {
  if (!names_agent(from)) return not_found();
  return delete_later(in, from, id_of(from), from.principal<principal>());
}

response_task get_config(const services& in, request& from) {
  return get_document(in, from, in.data.configs);
}
response_task put_config(const services& in, request& from) {
  return put_document(in, from, in.data.configs);
}
response_task get_tools(const services& in, request& from) {
  return get_document(in, from, in.data.tools);
}
response_task put_tools(const services& in, request& from) {
  return put_document(in, from, in.data.tools);
}

response_task execute_agent(const services& in, request& from) {
  if (!names_agent(from)) return not_found();
  return execute_later(in, from, id_of(from), from.principal<principal>());
}

}  // namespace strata::platform
