#include "platform/changes.hpp"

#include <array>
#include <utility>

namespace strata::platform {

namespace {

// A row's own key is not dropped but replaced, since the new row is at hand; if it cannot be, the
// repository drops it. What is derived from the row goes, documents included: who changes an agent
// may have changed what its config means.
const std::array<change_rule, 8> rules{{
    // clang-format off
    // table             event           written                   keys dropped                                     lists dropped
    {"agents",           "agent",        "agent:{id}",             {"agent:{id}:config", "agent:{id}:tools"},       {"api:agents:list:{organization_id}"}},
    {"users",            "user",         "user:{id}",              {"user:{id}:permissions", "user:{id}:settings"}, {}},
    {"organizations",    "organization", "org:{id}",               {},                                              {"api:agents:list:{id}"}},
    {"listings",         "listing",      "listing:{id}",           {},                                              {"api:listings:list"}},
    {"agent_configs",    "",             "agent:{id}:config",      {},                                              {}},
    {"agent_tools",      "",             "agent:{id}:tools",       {},                                              {}},
    {"user_settings",    "",             "user:{id}:settings",     {},                                              {}},
    {"user_permissions", "",             "user:{id}:permissions",  {},                                              {}},
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
  for (const auto& each : rules) {
    if (!each.event.empty()) out.push_back({each.event + ".*", each.keys, each.lists, {}});
  }
  return out;
}

std::vector<strata::outbox_rule> outbox_rules() {
  std::vector<strata::outbox_rule> out;
  for (const auto& each : rules) {
    strata::outbox_rule rule{.table = each.table, .keys = {each.written}, .prefixes = each.lists};
    rule.keys.insert(rule.keys.end(), each.keys.begin(), each.keys.end());
    rule.event = each.event;
    out.push_back(std::move(rule));
  }
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

}  // namespace strata::platform
