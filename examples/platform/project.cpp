#include "project.hpp"

#include "platform/demo_vocabulary.hpp"
#include "platform/demo_writer.hpp"
#include "platform/edit.hpp"
#include "platform/entities/organization.hpp"
#include "platform/import_writer.hpp"
#include "platform/json_schema.hpp"

#include <boost/json/value.hpp>

namespace strata::platform {

std::vector<migration> project_entity::migrations() {
  return {{100, "projects", R"sql(
CREATE TABLE projects (
  id              TEXT PRIMARY KEY,
  organization_id TEXT NOT NULL REFERENCES organizations (id),
  name            TEXT NOT NULL,
  version         BIGINT NOT NULL DEFAULT 1,
  created_at      TEXT NOT NULL,
  updated_at      TEXT NOT NULL
);
)sql"}};
}

project_input read_project(field_reader& in) {
  return {.name = in.text("name", name_rule)};
}

namespace {

response_task create_project(const services& in, request& from) {
  auto body = parsed_body(from);
  if (!body) return std::move(body.error());
  field_reader fields(*body, field_reader::mode::create);
  const auto input = read_project(fields);
  fields.read_only({"id", "organization_id", "version", "created_at", "updated_at"});
  if (const auto problems = fields.finish(); !problems.empty()) return unprocessable(problems);
  project row;
  row.id = new_id(project_entity::id_prefix);
  row.organization_id = from.who<principal>()->row.organization_id;
  input.apply(row);
  return create<project_entity>(in.data, from, std::move(row), "/projects/");
}

response_task get_project(const services& in, request& from) {
  if (!names_row<project_entity>(from)) return not_found();
  return then(in.data.rows<project_entity>().find(from.path_parameter("id"), session_read(in, from)),
              [&from](const lookup<cached_response<project>>& found) -> response {
                if (auto refused = refuse_unseen(found, *from.who<principal>())) return std::move(*refused);
                return response_of(found);
              });
}

response_task patch_project(const services& in, request& from) {
  if (!names_row<project_entity>(from)) return not_found();
  auto body = parsed_body(from);
  if (!body) return std::move(body.error());
  field_reader fields(*body, field_reader::mode::patch);
  auto input = read_project(fields);
  fields.read_only({"id", "organization_id", "version", "created_at", "updated_at"});
  if (const auto problems = fields.finish(); !problems.empty()) return unprocessable(problems);
  return edit<project_entity>(
      in.data, from, id_of(from),
      [caller = from.principal<principal>()](const project& row) { return refuse_foreign(row, *caller); },
      [input = std::move(input)](project& row) {
        input.apply(row);
        return refusal();
      });
}

}  // namespace

std::vector<endpoint> project_entity::endpoints() {
  using enum server::method;
  // clang-format off
  return {
    // method, path, who, permission, handler, Cache-Control, status, response, request, what it does
    {post,  "/projects",      access::member, {}, create_project, {},              201, "project", "project_form",  "Creates a project in the own organization."},
    {get,   "/projects/{id}", access::member, {}, get_project,    cache_privately, 200, "project", {},              "A project of the own organization."},
    {patch, "/projects/{id}", access::member, {}, patch_project,  {},              200, "project", "project_patch", "Changes a project."},
  };
  // clang-format on
}

std::vector<named_schema> project_entity::schemas() {
  return {
      {"project", schema_of<project>()},
      {"project_form", R"({"type":"object","required":["name"],"additionalProperties":false,"properties":{)"
                       R"("name":{"type":"string","minLength":1,"maxLength":200}}})"},
      {"project_patch", R"({"type":"object","additionalProperties":false,"properties":{)"
                        R"("name":{"type":"string","minLength":1,"maxLength":200}}})"}};
}

import_result project_entity::import_record(const boost::json::value& from, field_reader& in) {
  imported<project> out;
  out.fresh.id = read_id(in, "id", id_prefix).value_or("");
  out.fresh.organization_id = read_id(in, "organization_id", organization_entity::id_prefix).value_or("");
  read_input(from, in, read_project, out);
  out.fresh.created_at = read_created_at(in);
  return checked(in, [record = std::move(out)](import_writer& to) -> task<result<import_outcome>> {
    return to.upsert_in_organization<project_entity, organization_entity>(record);
  });
}

task<result<void>> project_entity::add_demo(demo_writer& to) {
  for (const auto& of : demo::homes()) {
    project row;
    row.id = stable_id(id_prefix, of.slug);
    row.organization_id = stable_id(organization_entity::id_prefix, of.slug);
    row.name = "Launch";
    auto created = co_await to.create<project_entity>(std::move(row));
    if (!created) co_return created;
  }
  co_return result<void>();
}

}  // namespace strata::platform
