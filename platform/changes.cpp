#include "platform/changes.hpp"

#include <array>

namespace platform {

namespace {

// A row's own key is not dropped but replaced, since the new row is at hand; if it cannot be, the
// repository drops it. What is derived from the row goes, documents included: who changes an agent
// may have changed what its config means.
const std::array<change_rule, 10> rules{{
    // clang-format off
    // event                  written         keys dropped                                     lists dropped
    {"agent.created",        "agent:{id}",   {"agent:{id}:config", "agent:{id}:tools"},       {"api:agents:list:{organization_id}"}},
    {"agent.updated",        "agent:{id}",   {"agent:{id}:config", "agent:{id}:tools"},       {"api:agents:list:{organization_id}"}},
    {"agent.deleted",        "agent:{id}",   {"agent:{id}:config", "agent:{id}:tools"},       {"api:agents:list:{organization_id}"}},
    {"user.created",         "user:{id}",    {"user:{id}:permissions", "user:{id}:settings"}, {}},
    {"user.updated",         "user:{id}",    {"user:{id}:permissions", "user:{id}:settings"}, {}},
    {"organization.created", "org:{id}",     {},                                              {}},
    {"organization.updated", "org:{id}",     {},                                              {"api:agents:list:{id}"}},
    {"listing.created",      "listing:{id}", {},                                              {"api:listings:list"}},
    {"listing.updated",      "listing:{id}", {},                                              {"api:listings:list"}},
    {"listing.deleted",      "listing:{id}", {},                                              {"api:listings:list"}},
    // clang-format on
}};

strata::domain_event event_of(std::string_view entity, std::string_view verb, const std::string& id,
                              std::int64_t version) {
  strata::domain_event out;
  out.type.append(entity).append(".").append(verb);
  out.attributes = {{"id", id}, {"version", std::to_string(version)}};
  return out;
}

}  // namespace

std::span<const change_rule> change_rules() {
  return rules;
}

std::vector<strata::invalidation_rule> invalidation_rules() {
  std::vector<strata::invalidation_rule> out;
  for (const auto& each : rules) out.push_back({each.event, each.keys, each.lists, {}});
  return out;
}

strata::domain_event agent_event(std::string_view verb, const agent& row) {
  auto out = event_of("agent", verb, row.id, row.version);
  out.attributes["organization_id"] = row.organization_id;
  return out;
}

strata::domain_event user_event(std::string_view verb, const user& row) {
  auto out = event_of("user", verb, row.id, row.version);
  out.attributes["organization_id"] = row.organization_id;
  return out;
}

strata::domain_event organization_event(std::string_view verb, const organization& row) {
  return event_of("organization", verb, row.id, row.version);
}

strata::domain_event listing_event(std::string_view verb, const listing& row) {
  return event_of("listing", verb, row.id, row.version);
}

}  // namespace platform
