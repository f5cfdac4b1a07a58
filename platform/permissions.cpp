#include "platform/permissions.hpp"

#include <algorithm>

namespace strata::platform {

std::vector<std::string> default_permissions() {
  return {permission::all.begin(), permission::all.end()};
}

bool allows_only_reading(std::string_view needed) noexcept {
  return needed.ends_with(":read");
}

bool grants(std::span<const std::string> held, std::string_view needed) noexcept {
  const auto colon = needed.find(':');
  const auto fits = [](std::string_view part, std::string_view wanted) {
    return part == wanted || part == "*";
  };
  return std::ranges::any_of(held, [&](std::string_view each) {
    const auto at = each.find(':');
    return at != std::string_view::npos && fits(each.substr(0, at), needed.substr(0, colon)) &&
           fits(each.substr(at + 1), needed.substr(colon + 1));
  });
}

}  // namespace strata::platform
