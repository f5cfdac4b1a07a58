#pragma once
/// A user's settings: a free JSON object of the clients.
/// Threads: plain values and pure functions.

#include "platform/cached_response.hpp"
#include "platform/entity.hpp"
#include "platform/stored_document.hpp"

#include <string_view>
#include <vector>

namespace strata::platform {

struct user_settings_entity : entity_base<cached_response<stored_document>, "user:{id}:settings"> {
  using entity_base::entity_base;
  static constexpr std::string_view name = "user_settings";
  static constexpr std::chrono::minutes ttl{60};
  static constexpr auto secrecy = secrecy_level::sensitive;
  static constexpr auto outage = outage_policy::fail;
  static constexpr auto view = admin_view::hidden;

  static constexpr std::string_view table = "user_settings";
  static std::vector<migration> migrations();

  static std::vector<endpoint> endpoints();
};

}  // namespace strata::platform
