#include "platform/entities/user_settings.hpp"

#include "platform/edit.hpp"
#include "platform/entities/user.hpp"

namespace strata::platform {

std::vector<migration> user_settings_entity::migrations() {
  return {{1, "accounts", R"sql(
CREATE TABLE user_settings (
  id         TEXT PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
  document   TEXT NOT NULL,
  version    BIGINT NOT NULL DEFAULT 1,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL
);
)sql"}};
}

namespace {

response_task get_settings(const services& in, request& from) {
  return get_part<user_entity, user_settings_entity>(in, from, refuse_others);
}

response_task put_settings(const services& in, request& from) {
  return put_document<user_entity, user_settings_entity>(in, from, refuse_others);
}

}  // namespace

std::vector<endpoint> user_settings_entity::endpoints() {
  using enum server::method;
  // clang-format off
  return {
    // method, path, who, permission, handler, Cache-Control, status, response, request, what it does
    {get, "/users/{id}/settings", access::member, {}, get_settings, cache_privately, 200, "document", {},         "A user's settings: one's own, or as administrator anyone's of the organization."},
    {put, "/users/{id}/settings", access::member, {}, put_settings, {},              200, "document", "document", "Replaces a user's settings.", {}, document_body},
  };
  // clang-format on
}

}  // namespace strata::platform
