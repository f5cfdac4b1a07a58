#pragma once
/// The entities of one platform, each under the policy that its configuration chose.
/// Threads: immutable.

#include "platform/entity.hpp"

namespace strata::platform {

class entity_table {
 public:
  /// Throws bad_options for a name that no entity has, and for a policy that is not sound.
  explicit entity_table(const policy_table& policies = {},
                        std::vector<entity_definition> definitions = all_entities());

  /// Builds keys: `get<agent_entity>()("agt_1")`. Cost: two loads.
  /// Throws std::logic_error if the table was made without this entity.
  template <class Entity>
  const Entity& get() const {
    return *static_cast<const Entity*>(find(entity_index<Entity>(), Entity::name));
  }

  const std::vector<entity_definition>& definitions() const noexcept { return definitions_; }

 private:
  const void* find(std::size_t index, std::string_view name) const;

  std::vector<entity_definition> definitions_;
  std::vector<std::shared_ptr<const void>> entities_;  // by entity_index
};

/// Throws the std::logic_error of an entity that is not among the platform's.
[[noreturn]] void refuse_unknown_entity(std::string_view name);

}  // namespace strata::platform
