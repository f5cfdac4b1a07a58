#include "platform/entity_table.hpp"

#include <strata/error.hpp>

#include <fmt/format.h>

namespace strata::platform {

namespace {

template <class... Entities>
policy_table defaults() {
  return {{std::string(Entities::name), Entities::default_policy()}...};
}

// Every problem at once, and with the entity's name, which a single entity's exception lacks.
void check(const policy_table& policies) {
  const auto known = default_policies();
  std::vector<std::string> problems;
  for (const auto& [name, rules] : policies) {
    if (!known.contains(name)) problems.push_back(fmt::format("no entity is called \"{}\"", name));
    for (const auto& problem : strata::problems(rules))
      problems.push_back(fmt::format("{}: {}", name, problem));
  }
  if (!problems.empty()) throw strata::bad_options(std::move(problems));
}

}  // namespace

policy_table default_policies() {
  return defaults<user_entity, permissions_entity, settings_entity, agent_entity, config_entity, tools_entity,
                  organization_entity, listing_entity, agent_list_entity, listing_list_entity>();
}

entity_table::entity_table(const policy_table& policies)
    : users((check(policies), policies)),
      permissions(policies),
      settings(policies),
      agents(policies),
      configs(policies),
      tools(policies),
      organizations(policies),
      listings(policies),
      agent_lists(policies),
      listing_lists(policies) {
}

}  // namespace strata::platform
