#include "platform/entities/organization.hpp"

#include "platform/demo_vocabulary.hpp"
#include "platform/demo_writer.hpp"
#include "platform/edit.hpp"
#include "platform/import_writer.hpp"
#include "platform/json_schema.hpp"

#include <boost/json/value.hpp>

namespace strata::platform {

std::vector<migration> organization_entity::migrations() {
  return {{1, "accounts", R"sql(
CREATE TABLE organizations (
  id         TEXT PRIMARY KEY,
  name       TEXT NOT NULL,
  plan       TEXT NOT NULL DEFAULT 'free',
  is_active  BIGINT NOT NULL DEFAULT 1 CHECK (is_active IN (0, 1)),
  version    BIGINT NOT NULL DEFAULT 1,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL
);
)sql"}};
}

organization_input read_organization(field_reader& in) {
  organization_input out;
  out.name = in.text("name", name_rule);
  out.plan = in.choice("plan", plans, "free");
  return out;
}

void organization_input::apply(organization& to) const {
  set_if(to.name, name);
  set_if(to.plan, plan);
}

namespace {

bool is_own(const request& from) {
  return from.path_parameter("id") == from.who<principal>()->row.organization_id;
}

response_task get_organization(const services& in, request& from) {
  if (!is_own(from)) return not_found();
  return then(in.data.rows<organization_entity>().find(from.path_parameter("id"), session_read(in, from)),
              [](const strata::lookup<cached_response<organization>>& found) { return found_or_not(found); });
}

response_task patch_organization(const services& in, request& from) {
  const auto caller = from.principal<principal>();
  if (!is_own(from)) return not_found();
  if (!caller->row.is_admin) return forbidden("only an administrator of your organization may do this");
  auto body = parsed_body(from);
  if (!body) return std::move(body.error());
  field_reader fields(*body, field_reader::mode::patch);
  organization_input input;
  input.name = fields.text("name", name_rule);
  // The operator decides on the plan, which costs money: `strata org`, or an import.
  fields.read_only({"id", "plan", "is_active", "version", "created_at", "updated_at"});
  if (const auto problems = fields.finish(); !problems.empty()) return unprocessable(problems);
  return edit<organization_entity>(
      in.data, from, id_of(from), [](const organization&) { return refusal(); },
      [input = std::move(input)](organization& row) {
        input.apply(row);
        return refusal();
      });
}

}  // namespace

std::vector<endpoint> organization_entity::endpoints() {
  using enum server::method;
  // clang-format off
  return {
    // method, path, who, permission, handler, Cache-Control, status, response, request, what it does
    {get,   "/organizations/{id}", access::member, {}, get_organization,   cache_privately, 200, "organization", {},                   "The own organization."},
    {patch, "/organizations/{id}", access::member, {}, patch_organization, {},              200, "organization", "organization_patch", "Changes the own organization; for administrators."},
  };
  // clang-format on
}

std::vector<named_schema> organization_entity::schemas() {
  return {{"organization", schema_of<organization>({{"plan", enum_schema(plans)}})},
          {"organization_patch", R"({"type":"object","additionalProperties":false,"properties":{)"
                                 R"("name":{"type":"string","minLength":1,"maxLength":200}}})"}};
}

import_result organization_entity::import_record(const boost::json::value& from, field_reader& in) {
  imported<organization> out;
  out.fresh.id = read_id(in, "id", id_prefix).value_or("");
  read_input(from, in, read_organization, out);
  const auto active = in.flag("is_active", true);
  out.fresh.is_active = active.value_or(true);
  if (in.has("is_active")) {
    out.replace = [rest = std::move(out.replace), active](organization& row) {
      rest(row);
      row.is_active = active.value_or(row.is_active);
    };
  }
  out.fresh.created_at = read_created_at(in);
  return checked(
      in, [record = std::move(out)](import_writer& to) { return to.upsert<organization_entity>(record); });
}

task<result<void>> organization_entity::add_demo(demo_writer& to) {
  for (const auto& of : demo::homes()) {
    organization row;
    row.id = stable_id(id_prefix, of.slug);
    row.name = of.name;
    row.plan = of.plan;
    row.created_at = days_ago(to.now, 420, 0);
    auto created = co_await to.create<organization_entity>(std::move(row));
    if (!created) co_return created;
  }
  co_return result<void>();
}

}  // namespace strata::platform
