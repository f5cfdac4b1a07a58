#include "platform/entities/session.hpp"

#include "platform/auth_endpoints.hpp"

namespace strata::platform {

std::vector<migration> session_entity::migrations() {
  static const std::string script = session_store::schema("users");
  return {{5, "sessions", script}};
}

std::vector<endpoint> session_entity::endpoints() {
  return auth_endpoints();
}

std::vector<named_schema> session_entity::schemas() {
  return auth_schemas();
}

}  // namespace strata::platform
