#pragma once
/// What happens to the platform's rows, and what it makes invalid in the cache.
/// Threads: pure functions, immutable values.

#include "platform/entities.hpp"

#include <strata/events.hpp>

#include <span>
#include <string>
#include <vector>

namespace platform {

/// What one kind of event means for the cache. Templates name the event's attributes.
struct change_rule {
  std::string event;
  std::string written;             ///< the row's own key: the repository replaces it at the commit
  std::vector<std::string> keys;   ///< dropped
  std::vector<std::string> lists;  ///< dropped with every key below
};

/// The invalidation rules of the strategy, one line an event.
std::span<const change_rule> change_rules();

/// The same for `strata::invalidate_on`.
std::vector<strata::invalidation_rule> invalidation_rules();

/// `verb` is created, updated or deleted. Attributes: id, organization_id, version.
strata::domain_event agent_event(std::string_view verb, const agent& row);
strata::domain_event user_event(std::string_view verb, const user& row);
/// Attributes: id, version.
strata::domain_event organization_event(std::string_view verb, const organization& row);
strata::domain_event listing_event(std::string_view verb, const listing& row);

}  // namespace platform
