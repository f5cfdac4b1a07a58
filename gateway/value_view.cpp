#include "gateway/value_view.hpp"

#include <string>
#include <utility>

namespace strata::gateway {

namespace {

/// The text before the first `:` of `rest`, which then begins after it.
std::string_view next_segment(std::string_view& rest) {
  const auto segment = rest.substr(0, rest.find(':'));
  rest.remove_prefix(segment.size() == rest.size() ? segment.size() : segment.size() + 1);
  return segment;
}

bool could_build_segment(std::string_view pattern, std::string_view text) {
  const auto open = pattern.find('{');
  if (open == std::string_view::npos) return pattern == text;
  const auto before = pattern.substr(0, open);
  const auto after = pattern.substr(pattern.find('}') + 1);
  return text.size() > before.size() + after.size() && text.starts_with(before) && text.ends_with(after);
}

}  // namespace

bool could_build(std::string_view pattern, std::string_view text) {
  while (!pattern.empty() && !text.empty()) {
    if (!could_build_segment(next_segment(pattern), next_segment(text))) return false;
  }
  return pattern.empty() && text.empty();
}

task<admin::shown_value> show_value(cache& source, const platform::entity_table& entities, key target) {
  for (const auto& each : entities.definitions()) {
    if (each.view != platform::admin_view::shown || !could_build(each.key, target.text())) continue;
    auto shown = co_await each.show(source, entities, std::move(target));
    co_return admin::shown_value{.hidden = shown.hidden, .json = std::move(shown.text)};
  }
  co_return admin::shown_value{.hidden = true};
}

}  // namespace strata::gateway
