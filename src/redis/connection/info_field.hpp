#pragma once
/// Reads replies of the form "name:value" lines: INFO, CLUSTER INFO.
/// Threads: pure functions.

#include <algorithm>
#include <string_view>

namespace strata::redis {

/// The value of the line `name:value` in `info`; empty if there is none. The view points into `info`.
inline std::string_view info_field(std::string_view info, std::string_view name) noexcept {
  while (!info.empty()) {
    const auto line = info.substr(0, info.find("\r\n"));
    if (line.size() > name.size() && line.starts_with(name) && line[name.size()] == ':') {
      return line.substr(name.size() + 1);
    }
    info.remove_prefix(std::min(info.size(), line.size() + 2));
  }
  return {};
}

}  // namespace strata::redis
