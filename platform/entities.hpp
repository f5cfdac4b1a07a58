#pragma once
/// The platform's rows. A member's name is its column's name and its name in JSON.
/// Threads: plain values.

#include "platform/permissions.hpp"

#include <strata/json.hpp>

#include <boost/describe.hpp>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace strata::platform {

struct organization {
  std::string id;  ///< org_…
  std::string name;
  std::string plan = "free";  ///< one of `plans`
  bool is_active = true;      ///< false: nobody of it may log in or go on
  std::int64_t version = 0;
  std::string created_at, updated_at;
  friend bool operator==(const organization&, const organization&) = default;
};
BOOST_DESCRIBE_STRUCT(organization, (), (id, name, plan, is_active, version, created_at, updated_at))

struct user {
  std::string id;  ///< usr_…
  std::string organization_id;
  std::string email;  ///< unique without regard to case
  std::string name;
  bool is_admin = false;  ///< of their organization
  std::int64_t version = 0;
  std::string created_at, updated_at;
  friend bool operator==(const user&, const user&) = default;
};
BOOST_DESCRIBE_STRUCT(user, (), (id, organization_id, email, name, is_admin, version, created_at, updated_at))

struct agent {
  std::string id;  ///< agt_…
  std::string organization_id;
  std::string name;
  std::string description;
  std::string status = "active";  ///< one of `agent_statuses`
  bool is_public = false;
  std::int64_t execution_count = 0;
  std::int64_t version = 0;
  std::string created_at, updated_at;
  friend bool operator==(const agent&, const agent&) = default;
};
BOOST_DESCRIBE_STRUCT(agent, (),
                      (id, organization_id, name, description, status, is_public, execution_count, version,
                       created_at, updated_at))

struct listing {
  std::string id;  ///< lst_…
  std::string name;
  std::string description;
  std::string publisher;
  std::string repository_url;
  strata::json::raw packages{"[]"};  ///< a JSON array of objects, kept as the publisher wrote them
  std::int64_t install_count = 0;
  std::int64_t version = 0;
  std::string created_at, updated_at;
  friend bool operator==(const listing&, const listing&) = default;
};
BOOST_DESCRIBE_STRUCT(listing, (),
                      (id, name, description, publisher, repository_url, packages, install_count, version,
                       created_at, updated_at))

/// A free JSON object that belongs to a row and has its id: an agent's config, its tools, a
/// user's settings.
struct stored_document {
  std::string id;
  strata::json::raw document{"{}"};
  std::int64_t version = 0;
  std::string created_at, updated_at;
};
BOOST_DESCRIBE_STRUCT(stored_document, (), (id, document, version, created_at, updated_at))

/// What a user may do, as names of the form `agents:write`.
struct user_permissions {
  std::string id;  ///< the user's
  std::vector<std::string> permissions = default_permissions();
  std::int64_t version = 0;
  std::string created_at, updated_at;
};
BOOST_DESCRIBE_STRUCT(user_permissions, (), (id, permissions, version, created_at, updated_at))

inline constexpr std::array<std::string_view, 3> plans{"free", "pro", "enterprise"};
inline constexpr std::array<std::string_view, 4> agent_statuses{"draft", "active", "paused", "archived"};

}  // namespace strata::platform
