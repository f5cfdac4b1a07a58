#pragma once
/// The tools an agent may use: a free JSON object.
/// Threads: plain values and pure functions.

#include "platform/cached_response.hpp"
#include "platform/entity.hpp"
#include "platform/stored_document.hpp"

#include <string_view>
#include <vector>

namespace strata::platform {

struct agent_tools_entity : entity_base<cached_response<stored_document>, "agent:{id}:tools"> {
  using entity_base::entity_base;
  static constexpr std::string_view name = "agent_tools";
  static constexpr std::chrono::minutes ttl{30};
  static constexpr auto secrecy = secrecy_level::sensitive;
  static constexpr auto outage = outage_policy::serve_for_a_day;
  static constexpr auto view = admin_view::hidden;

  static constexpr std::string_view table = "agent_tools";
  static std::vector<migration> migrations();

  static std::vector<endpoint> endpoints();
};

}  // namespace strata::platform
