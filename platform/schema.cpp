#include "platform/schema.hpp"

#include "platform/consistency_seal.hpp"

#include <map>
#include <stdexcept>

namespace strata::platform {

// Booleans are 0 or 1 and times RFC 3339 text, so that both databases, and any program that reads them,
// see the same values.

schema::schema(const std::vector<entity_definition>& of) {
  struct part {
    std::string_view name;
    std::string script = "\n";
  };
  std::map<std::int64_t, part> by_version;
  for (const auto& each : of) {
    for (const auto& step : each.migrations) {
      auto& at = by_version[step.version];
      if (!at.name.empty() && at.name != step.name) {
        throw std::logic_error("two names for migration " + std::to_string(step.version));
      }
      at.name = step.name;
      // A script begins with the line break after R"sql(, which the joined one has once.
      at.script.append(step.script.substr(step.script.starts_with('\n') ? 1 : 0));
    }
  }
  by_version[20] = {"consistency", std::string(consistency_seal::schema())};
  scripts_.reserve(by_version.size());
  for (auto& [version, joined] : by_version) {
    scripts_.push_back(std::move(joined.script));
    steps_.push_back({version, joined.name, scripts_.back()});
  }
}

}  // namespace strata::platform
