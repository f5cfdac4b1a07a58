#include "platform/entities/user_permissions.hpp"

#include "platform/edit.hpp"
#include "platform/entities/user.hpp"
#include "platform/session_rotation.hpp"

#include <fmt/format.h>
#include <boost/json/value.hpp>

#include <algorithm>

namespace strata::platform {

std::vector<migration> user_permissions_entity::migrations() {
  return {{1, "accounts", R"sql(
CREATE TABLE user_permissions (
  id          TEXT PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
  permissions TEXT NOT NULL,
  version     BIGINT NOT NULL DEFAULT 1,
  created_at  TEXT NOT NULL,
  updated_at  TEXT NOT NULL
);
)sql"}};
}

std::string body_of(const user_permissions& row) {
  std::string out = R"({"permissions":)";
  out += json::text_of(row.permissions);
  out += '}';
  return out;
}

namespace {

bool is_permission(std::string_view text) {
  const auto colon = text.find(':');
  const auto is_name = [](std::string_view part) {
    return !part.empty() && part.size() <= 64 &&
           std::ranges::all_of(part, [](char c) { return (c >= 'a' && c <= 'z') || c == '_' || c == '*'; });
  };
  return colon != std::string_view::npos && is_name(text.substr(0, colon)) && is_name(text.substr(colon + 1));
}

// The names, sorted, each once; at most 100.
std::optional<std::vector<std::string>> read_permissions(field_reader& in) {
  const auto* found = in.any("permissions");
  if (found == nullptr) {
    in.problem("permissions", "is missing");
    return {};
  }
  const auto* items = found->if_array();
  if (items == nullptr || items->size() > 100) {
    in.problem("permissions",
               items == nullptr ? "must be an array of strings" : "must have at most 100 items");
    return {};
  }
  std::vector<std::string> out;
  bool sound = true;
  for (std::size_t i = 0; i < items->size(); ++i) {
    const auto* text = (*items)[i].if_string();
    if (text == nullptr || !is_permission(*text)) {
      in.problem_at(fmt::format("/permissions/{}", i), "must be a name of the form agents:write");
      sound = false;
    } else {
      out.emplace_back(*text);
    }
  }
  if (!sound) return {};
  std::ranges::sort(out);
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

response_task get_permissions(const services& in, request& from) {
  return get_part<user_entity, user_permissions_entity>(in, from, refuse_others);
}

response_task put_permissions(const services& in, request& from) {
  if (!names_row<user_entity>(from)) return not_found();
  auto body = parsed_body(from);
  if (!body) return std::move(body.error());
  field_reader fields(*body, field_reader::mode::create);
  auto names = read_permissions(fields);
  if (const auto problems = fields.finish(); !problems.empty()) return unprocessable(problems);
  user_permissions value;
  value.id = id_of(from);
  value.permissions = std::move(*names);
  auto put = put_part<user_entity, user_permissions_entity>(
      in.data, from, std::move(value),
      [caller = from.principal<principal>()](const user& row) { return refuse_foreign(row, *caller); });
  return rotate_after(in, id_of(from), std::move(put));
}

}  // namespace

std::vector<endpoint> user_permissions_entity::endpoints() {
  using enum server::method;
  // clang-format off
  return {
    // method, path, who, permission, handler, Cache-Control, status, response, request, what it does
    {get, "/users/{id}/permissions", access::member, {}, get_permissions, cache_privately_for_a_minute, 200, "permissions", {},            "What a user may do: one's own, or as administrator anyone's of the organization."},
    {put, "/users/{id}/permissions", access::admin,  {}, put_permissions, {},                           200, "permissions", "permissions", "Replaces what a user may do."},
  };
  // clang-format on
}

std::vector<named_schema> user_permissions_entity::schemas() {
  return {
      {"permissions",
       R"({"type":"object","required":["permissions"],"additionalProperties":false,"properties":{"permissions":)"
       R"({"type":"array","maxItems":100,"items":{"type":"string","pattern":"^[a-z_*]{1,64}:[a-z_*]{1,64}$"}}}})"}};
}

}  // namespace strata::platform
