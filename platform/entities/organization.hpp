#pragma once
/// The organization: what users and agents belong to.
/// Threads: plain values and pure functions.

#include "platform/cached_response.hpp"
#include "platform/entity.hpp"
#include "platform/fields.hpp"

#include <boost/describe.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace strata::platform {

struct organization {
  std::string id;  ///< org_…
  std::string name;
  std::string plan = "free";  ///< one of `plans`
  bool is_active = true;      ///< false: its users cannot log in, and their sessions end
  std::int64_t version = 0;
  std::string created_at, updated_at;
  friend bool operator==(const organization&, const organization&) = default;
};
BOOST_DESCRIBE_STRUCT(organization, (), (id, name, plan, is_active, version, created_at, updated_at))

inline constexpr std::array<std::string_view, 3> plans{"free", "pro", "enterprise"};

/// The fields that a client may write. A missing one is left as it is.
struct organization_input {
  std::optional<std::string> name, plan;
  void apply(organization& to) const;
};
organization_input read_organization(field_reader& in);

struct organization_entity : entity_base<cached_response<organization>, "org:{id}"> {
  using entity_base::entity_base;
  static constexpr std::string_view name = "organization";
  static constexpr std::chrono::minutes ttl{60};
  static constexpr auto secrecy = secrecy_level::sensitive;
  static constexpr auto outage = outage_policy::serve_for_a_day;
  static constexpr auto view = admin_view::hidden;

  static constexpr std::string_view table = "organizations";
  static constexpr std::string_view id_prefix = "org_";
  static std::vector<migration> migrations();

  static constexpr std::string_view event = "organization";
  static change_rule dropped() { return {.lists = {"api:agents:list:{id}"}}; }

  static std::vector<endpoint> endpoints();
  static std::vector<named_schema> schemas();

  static constexpr std::string_view import_type = "organization";
  static import_result import_record(const boost::json::value& from, field_reader& in);
  static task<result<void>> add_demo(demo_writer& to);
};

}  // namespace strata::platform
