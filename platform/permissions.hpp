#pragma once
/// What a member may do in their organization, by name. An administrator may do everything there,
/// whatever names they hold.
/// Threads: pure functions over constants.

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace strata::platform {

/// The names that endpoints ask for. Others may be granted, and are kept for other programs.
namespace permission {
inline constexpr std::string_view read_agents = "agents:read";        ///< with their config and tools
inline constexpr std::string_view write_agents = "agents:write";      ///< create, change, delete
inline constexpr std::string_view execute_agents = "agents:execute";  ///< run
inline constexpr std::array all{execute_agents, read_agents, write_agents};
}  // namespace permission

/// What a user holds to whom nobody has granted or denied anything: all of the above.
std::vector<std::string> default_permissions();

/// True if one of `held` is `needed`, or is it with `*` for one half or both ("agents:*").
bool grants(std::span<const std::string> held, std::string_view needed) noexcept;

}  // namespace strata::platform
