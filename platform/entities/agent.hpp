#pragma once
/// The agent: what an organization runs.
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

inline constexpr std::array<std::string_view, 4> agent_statuses{"draft", "active", "paused", "archived"};

/// The fields that a client may write. A missing one is left as it is.
struct agent_input {
  std::optional<std::string> name, description, status;
  std::optional<bool> is_public;
  void apply(agent& to) const;
};
agent_input read_agent(field_reader& in);

struct agent_entity : entity_base<cached_response<agent>, "agent:{id}"> {
  using entity_base::entity_base;
  static constexpr std::string_view name = "agent";
  static constexpr std::chrono::minutes ttl{30};
  static constexpr auto secrecy = secrecy_level::open;
  static constexpr auto outage = outage_policy::serve_for_a_day;
  static constexpr auto view = admin_view::shown;

  static constexpr std::string_view table = "agents";
  static constexpr std::string_view id_prefix = "agt_";
  static std::vector<migration> migrations();

  static constexpr std::string_view event = "agent";
  static change_rule dropped() {
    return {.keys = {"agent:{id}:config", "agent:{id}:tools"},
            .lists = {"api:agents:list:{organization_id}"}};
  }

  static std::vector<endpoint> endpoints();
  static std::vector<named_schema> schemas();

  static constexpr std::string_view import_type = "agent";
  static import_result import_record(const boost::json::value& from, field_reader& in);
  static task<result<void>> add_demo(demo_writer& to);
};

}  // namespace strata::platform
