#pragma once
/// The marketplace by name, page by page.
/// Threads: plain values and pure functions.

#include "platform/cached_response.hpp"
#include "platform/entity.hpp"

#include <string_view>
#include <vector>

namespace strata::platform {

/// Stands before listing_entity in `entity_types`, so that /docs shows the list first.
struct listing_list_entity : entity_base<page, "api:listings:list:page_{page}:limit_{limit}:q_{q}"> {
  using entity_base::entity_base;
  static constexpr std::string_view name = "listing_list";
  static constexpr std::chrono::minutes ttl{1};
  static constexpr auto secrecy = secrecy_level::open;
  static constexpr auto outage = outage_policy::serve_for_a_day;
  static constexpr auto view = admin_view::shown;

  static std::vector<endpoint> endpoints();
  static std::vector<named_schema> schemas();
};

}  // namespace strata::platform
