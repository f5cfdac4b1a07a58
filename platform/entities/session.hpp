#pragma once
/// The session: a login of a user. The library's session store keeps it (strata/session_store.hpp); the API
/// serves it under /auth (auth_endpoints.hpp).
/// Threads: immutable.

#include "platform/entity.hpp"

#include <strata/session_store.hpp>

namespace strata::platform {

struct session_entity : strata::session_entity {
  using entity::entity;
  static constexpr std::string_view name = "session";
  static constexpr std::chrono::hours ttl{24};
  static constexpr auto secrecy = secrecy_level::sensitive;
  static constexpr auto outage = outage_policy::serve_for_a_minute;
  static constexpr auto view = admin_view::hidden;

  static constexpr std::string_view table = "sessions";
  static std::vector<migration> migrations();

  static std::vector<endpoint> endpoints();
  static std::vector<named_schema> schemas();
};

}  // namespace strata::platform
