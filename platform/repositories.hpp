#pragma once
/// The platform's rows, read through the cache and written through it.
/// Threads: immutable; callable from any thread.

#include "platform/entity_table.hpp"

#include <strata/cache.hpp>
#include <strata/database.hpp>
#include <strata/events.hpp>
#include <strata/repository.hpp>
#include <strata/task.hpp>
#include <strata/time.hpp>

#include <memory>
#include <vector>

namespace strata::platform {

class repositories {
 public:
  /// Lifetime: all that is referred to outlives it, and it outlives its tasks.
  repositories(strata::database& source, strata::cache& target, strata::event_bus& bus, entity_table entities,
               const strata::clock& time);

  /// The repository of an entity with a table: `rows<agent_entity>().find("agt_1")`. Cost: two loads.
  /// Throws std::logic_error if it was made without this entity.
  template <class Entity>
  const typename Entity::repository& rows() const {
    const auto index = entity_index<Entity>();
    if (index >= rows_.size() || rows_[index] == nullptr) refuse_unknown_entity(Entity::name);
    return *static_cast<const typename Entity::repository*>(rows_[index].get());
  }

  const entity_table& entities() const noexcept { return entities_; }

  strata::task<strata::result<strata::unit_of_work>> begin() const;

  /// As `strata::in_transaction` over the platform's database and cache.
  template <class Attempt>
  auto in_transaction(Attempt attempt) const {
    return strata::in_transaction(*source_, *cache_, std::move(attempt));
  }

  /// Commits `work`, then publishes `events`. When the task ends, everything that the events invalidate is
  /// gone from the cache.
  strata::task<strata::result<void>> commit(strata::unit_of_work work,
                                            std::vector<strata::domain_event> events) const;

  /// True if no entity has a row.
  strata::task<strata::result<bool>> empty() const;

  strata::database& source() const noexcept { return *source_; }
  strata::cache& target() const noexcept { return *cache_; }
  strata::wall_time now() const noexcept { return time_->wall(); }

 private:
  strata::database* source_;
  strata::cache* cache_;
  strata::event_bus* bus_;
  const strata::clock* time_;
  entity_table entities_;
  std::vector<std::shared_ptr<const void>> rows_;  // by entity_index
};

}  // namespace strata::platform
