#pragma once
/// The user: a member of an organization, who may log in.
/// Threads: plain values and pure functions.

#include "platform/cached_response.hpp"
#include "platform/entity.hpp"
#include "platform/fields.hpp"

#include <boost/describe.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace strata::platform {

struct user {
  std::string id;  ///< usr_…
  std::string organization_id;
  std::string email;  ///< unique without regard to case
  std::string name;
  bool is_admin = false;  ///< of their organization
  std::int64_t version = 0;
  std::string created_at, updated_at;
  bool was_admin = false;  ///< of a caller: the row that says so may be outdated; not a column
  friend bool operator==(const user&, const user&) = default;
};
BOOST_DESCRIBE_STRUCT(user, (), (id, organization_id, email, name, is_admin, version, created_at, updated_at))

/// The fields that a client may write. A missing one is left as it is.
struct user_input {
  std::optional<std::string> email, name;
  std::optional<bool> is_admin;
  void apply(user& to) const;
};
user_input read_user(field_reader& in);

struct user_entity : entity_base<cached_response<user>, "user:{id}"> {
  using entity_base::entity_base;
  static constexpr std::string_view name = "user";
  static constexpr std::chrono::minutes ttl{60};
  static constexpr auto secrecy = secrecy_level::sensitive;
  static constexpr auto outage = outage_policy::serve_for_a_minute;
  static constexpr auto view = admin_view::hidden;

  static constexpr std::string_view table = "users";
  static constexpr std::string_view id_prefix = "usr_";
  static std::vector<migration> migrations();

  static constexpr std::string_view event = "user";
  static change_rule dropped() { return {.keys = {"user:{id}:permissions", "user:{id}:settings"}}; }

  static std::vector<endpoint> endpoints();
  static std::vector<named_schema> schemas();

  static constexpr std::string_view import_type = "user";
  static import_result import_record(const boost::json::value& from, field_reader& in);
  static task<result<void>> add_demo(demo_writer& to);
};

/// The user `index` of the demo's organization `home_index`.
user demo_user(std::size_t home_index, std::size_t index, wall_time now);

}  // namespace strata::platform
