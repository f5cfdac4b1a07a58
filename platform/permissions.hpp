#pragma once
/// The permissions of members in their organization, by name. An administrator may do everything there
/// without holding any. Threads: pure functions over constants.

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace strata::platform {

/// The names that endpoints require. Others may be granted, and are kept for other programs.
namespace permission {
inline constexpr std::string_view read_agents = "agents:read";        ///< with their config and tools
inline constexpr std::string_view write_agents = "agents:write";      ///< create, change, delete
inline constexpr std::string_view execute_agents = "agents:execute";  ///< run
inline constexpr std::array all{execute_agents, read_agents, write_agents};
}  // namespace permission

/// The permissions of a user whose permissions were never set: all of the above.
std::vector<std::string> default_permissions();

/// True for "agents:read" and its like. Permissions that may be outdated grant nothing else.
bool allows_only_reading(std::string_view needed) noexcept;

/// True if `held` has `needed`, or a name that matches it with `*` for one half or both ("agents:*").
bool grants(std::span<const std::string> held, std::string_view needed) noexcept;

}  // namespace strata::platform
