#pragma once
/// Events of the platform's rows, and the cache keys that they invalidate.
/// Threads: pure functions.

#include "platform/entity.hpp"

#include <strata/events.hpp>
#include <strata/outbox.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace strata::platform {

/// For `invalidate_on`: the writes of this process.
std::vector<invalidation_rule> invalidation_rules(const std::vector<entity_definition>& of = all_entities());

/// For `install_outbox`: the writes of every program.
std::vector<outbox_rule> outbox_rules(const std::vector<entity_definition>& of = all_entities());

/// The event of a change of `row`. `verb` is created, updated or deleted.
/// Attributes: id, version, and organization_id if the row has one.
template <class Entity>
domain_event event_of(std::string_view verb, const typename Entity::repository::row_type& row) {
  domain_event out;
  out.type.append(Entity::event).append(".").append(verb);
  out.attributes = {{"id", row.id}, {"version", std::to_string(row.version)}};
  if constexpr (requires { row.organization_id; }) out.attributes["organization_id"] = row.organization_id;
  return out;
}

}  // namespace strata::platform
