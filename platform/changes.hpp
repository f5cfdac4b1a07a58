#pragma once
/// What happens to the platform's rows, and what it makes invalid in the cache.
/// Threads: pure functions, immutable values.

#include "platform/entities.hpp"

#include <strata/events.hpp>
#include <strata/outbox.hpp>

#include <span>
#include <string>
#include <vector>

namespace strata::platform {

/// What a change of a row of one table means for the cache. Templates name columns, which are also the
/// attributes of events.
struct change_rule {
  std::string table;
  std::string event;               ///< "agent" of agent.created, agent.updated, agent.deleted; empty: none
  std::string written;             ///< the row's own key: the repository replaces it at the commit
  std::vector<std::string> keys;   ///< dropped
  std::vector<std::string> lists;  ///< dropped with every key below
};

/// The invalidation rules of the strategy, one line a table.
std::span<const change_rule> change_rules();

/// The same for `strata::invalidate_on`: what is written through this process.
std::vector<strata::invalidation_rule> invalidation_rules();

/// The same for `strata::install_outbox`: what is written by whomever.
std::vector<strata::outbox_rule> outbox_rules();

/// `verb` is created, updated or deleted. Attributes: id, organization_id, version.
strata::domain_event agent_event(std::string_view verb, const agent& row);
strata::domain_event user_event(std::string_view verb, const user& row);
/// Attributes: id, version.
strata::domain_event organization_event(std::string_view verb, const organization& row);
strata::domain_event listing_event(std::string_view verb, const listing& row);

}  // namespace strata::platform
