#include "platform/entity_table.hpp"

#include <fmt/format.h>

#include <atomic>
#include <stdexcept>

namespace strata::platform {

namespace {

// Reports every problem at once, with the entity's name, which a single entity's exception lacks.
void check(const policy_table& policies, const std::vector<entity_definition>& definitions) {
  const auto known = default_policies(definitions);
  std::vector<std::string> problems;
  for (const auto& [name, policy] : policies) {
    if (!known.contains(name)) problems.push_back(fmt::format("no entity is called \"{}\"", name));
    for (const auto& problem : strata::problems(policy))
      problems.push_back(fmt::format("{}: {}", name, problem));
  }
  if (!problems.empty()) throw bad_options(std::move(problems));
}

}  // namespace

namespace detail {

std::size_t next_entity_index() noexcept {
  static std::atomic<std::size_t> next = 0;
  return next.fetch_add(1);
}

}  // namespace detail

policy_table default_policies(const std::vector<entity_definition>& of) {
  policy_table out;
  for (const auto& each : of) out.emplace(each.name, each.policy);
  return out;
}

entity_table::entity_table(const policy_table& policies, std::vector<entity_definition> definitions)
    : definitions_(std::move(definitions)) {
  check(policies, definitions_);
  for (const auto& each : definitions_) {
    const auto chosen = policies.find(std::string(each.name));
    if (entities_.size() <= each.index) entities_.resize(each.index + 1);
    entities_[each.index] = each.make_entity(chosen == policies.end() ? each.policy : chosen->second);
  }
}

const void* entity_table::find(std::size_t index, std::string_view name) const {
  if (index >= entities_.size() || entities_[index] == nullptr) refuse_unknown_entity(name);
  return entities_[index].get();
}

void refuse_unknown_entity(std::string_view name) {
  throw std::logic_error(fmt::format("{} is not in entity_types (platform/entities.hpp)", name));
}

}  // namespace strata::platform
