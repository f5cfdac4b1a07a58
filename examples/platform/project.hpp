#pragma once
/// The entity of docs/guide/new_entity.md: a project of an organization. In the platform it would be
/// platform/entities/project.hpp.
/// Threads: plain values and pure functions.

#include "platform/cached_response.hpp"
#include "platform/entity.hpp"
#include "platform/fields.hpp"

#include <boost/describe.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace strata::platform {

struct project {
  std::string id;  ///< prj_…
  std::string organization_id;
  std::string name;
  std::int64_t version = 0;
  std::string created_at, updated_at;
  friend bool operator==(const project&, const project&) = default;
};
BOOST_DESCRIBE_STRUCT(project, (), (id, organization_id, name, version, created_at, updated_at))

/// The fields that a client may write. A missing one is left as it is.
struct project_input {
  std::optional<std::string> name;
  void apply(project& to) const { set_if(to.name, name); }
};
project_input read_project(field_reader& in);

struct project_entity : entity_base<cached_response<project>, "project:{id}"> {
  using entity_base::entity_base;
  static constexpr std::string_view name = "project";
  static constexpr std::chrono::minutes ttl{30};
  static constexpr auto secrecy = secrecy_level::open;
  static constexpr auto outage = outage_policy::serve_for_a_day;
  static constexpr auto view = admin_view::shown;

  static constexpr std::string_view table = "projects";
  static constexpr std::string_view id_prefix = "prj_";
  static std::vector<migration> migrations();

  static constexpr std::string_view event = "project";

  static std::vector<endpoint> endpoints();
  static std::vector<named_schema> schemas();

  static constexpr std::string_view import_type = "project";
  static import_result import_record(const boost::json::value& from, field_reader& in);
  static task<result<void>> add_demo(demo_writer& to);
};

}  // namespace strata::platform
