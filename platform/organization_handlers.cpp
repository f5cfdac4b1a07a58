#include "platform/consistency_cookie.hpp"
#include "platform/edit.hpp"
#include "platform/handlers.hpp"
#include "platform/input_schemas.hpp"

#include <boost/json/value.hpp>

namespace strata::platform {

namespace {

bool is_own(const request& from) {
  return from.path_parameter("id") == from.who<principal>()->row.organization_id;
}

}  // namespace

response_task get_organization(const services& in, request& from) {
  if (!is_own(from)) return not_found();
  return then(in.data.organizations.find(from.path_parameter("id"), session_read(in, from)),
              [](const strata::lookup<cached_response<organization>>& found) -> response {
                if (found.failure() != nullptr) return failed(*found.failure());
                return found ? response_of(found) : not_found();
              });
}

response_task patch_organization(const services& in, request& from) {
  const auto who = from.principal<principal>();
  if (!is_own(from)) return not_found();
  if (!who->row.is_admin) return forbidden("only an administrator of your organization may do this");
  auto body = parsed_body(from);
  if (!body) return std::move(body.error());
  field_reader fields(*body, field_reader::mode::patch);
  auto form = read_organization(fields);
  fields.read_only({"id", "is_active", "version", "created_at", "updated_at"});
  if (const auto problems = fields.finish(); !problems.empty()) return unprocessable(problems);
  return edit(
      in.data, from, in.data.organizations, std::string(from.path_parameter("id")),
      [](const organization&) { return std::optional<response>(); },
      [form = std::move(form)](organization& row) {
        form.apply(row);
        return std::optional<response>();
      },
      [](const organization& row) { return organization_event("updated", row); });
}

}  // namespace strata::platform
