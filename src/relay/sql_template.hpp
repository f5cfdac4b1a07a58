#pragma once
/// SQL with named holes.
/// Threads: pure functions.

#include <string>
#include <string_view>

namespace strata::relay_detail {

/// `script` with every `{name}` replaced by `text`; other braces stay as they are.
inline std::string with(std::string script, std::string_view name, std::string_view text) {
  const auto mark = '{' + std::string(name) + '}';
  for (auto at = script.find(mark); at != std::string::npos; at = script.find(mark, at + text.size())) {
    script.replace(at, mark.size(), text);
  }
  return script;
}

}  // namespace strata::relay_detail
