#pragma once
/// What a user may do, as names of the form `agents:write`.
/// Threads: plain values and pure functions.

#include "platform/cached_response.hpp"
#include "platform/entity.hpp"
#include "platform/permissions.hpp"

#include <boost/describe.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace strata::platform {

struct user_permissions {
  std::string id;  ///< the user's
  std::vector<std::string> permissions = default_permissions();
  std::int64_t version = 0;
  std::string created_at, updated_at;
};
BOOST_DESCRIBE_STRUCT(user_permissions, (), (id, permissions, version, created_at, updated_at))

/// The API sends the names alone.
std::string body_of(const user_permissions& row);

struct user_permissions_entity : entity_base<cached_response<user_permissions>, "user:{id}:permissions"> {
  using entity_base::entity_base;
  static constexpr std::string_view name = "user_permissions";
  static constexpr std::chrono::minutes ttl{5};
  static constexpr auto secrecy = secrecy_level::sensitive;
  static constexpr auto outage = outage_policy::serve_for_a_minute;
  static constexpr auto view = admin_view::hidden;

  static constexpr std::string_view table = "user_permissions";
  static std::vector<migration> migrations();

  static std::vector<endpoint> endpoints();
  static std::vector<named_schema> schemas();
};

}  // namespace strata::platform
