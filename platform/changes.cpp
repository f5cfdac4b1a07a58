#include "platform/changes.hpp"

#include <utility>

namespace strata::platform {

// The repository replaces a row's own key, since the new row is at hand; if it cannot, it drops the key.
// Whatever derives from the row is dropped, documents included: a change of an agent may change what its
// config means.

std::vector<invalidation_rule> invalidation_rules(const std::vector<entity_definition>& of) {
  std::vector<invalidation_rule> out;
  for (const auto& each : of) {
    if (!each.change || each.change->event.empty()) continue;
    out.push_back({each.change->event + ".*", each.change->keys, each.change->lists, {}});
  }
  return out;
}

std::vector<outbox_rule> outbox_rules(const std::vector<entity_definition>& of) {
  std::vector<outbox_rule> out;
  for (const auto& each : of) {
    if (!each.change) continue;
    const auto& change = *each.change;
    outbox_rule rule{.table = change.table, .keys = {change.written}, .prefixes = change.lists};
    rule.keys.insert(rule.keys.end(), change.keys.begin(), change.keys.end());
    rule.event = change.event;
    out.push_back(std::move(rule));
  }
  return out;
}

}  // namespace strata::platform
