#pragma once
/// The list of an organization's agents, page by page.
/// Threads: plain values and pure functions.

#include "platform/cached_response.hpp"
#include "platform/entity.hpp"

#include <string_view>
#include <vector>

namespace strata::platform {

/// Stands before agent_entity in `entity_types`, so that /docs shows the list first.
struct agent_list_entity
    : entity_base<page, "api:agents:list:{organization}:page_{page}:limit_{limit}:status_{status}"> {
  using entity_base::entity_base;
  static constexpr std::string_view name = "agent_list";
  static constexpr std::chrono::minutes ttl{1};
  static constexpr auto secrecy = secrecy_level::open;
  static constexpr auto outage = outage_policy::serve_for_a_day;
  static constexpr auto view = admin_view::shown;

  static std::vector<endpoint> endpoints();
  static std::vector<named_schema> schemas();
};

}  // namespace strata::platform
