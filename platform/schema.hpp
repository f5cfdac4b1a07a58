#pragma once
/// The platform's tables, as migrations. The statements run on SQLite and on PostgreSQL.
/// Threads: immutable values.

#include "platform/entity.hpp"

#include <strata/migrations.hpp>

#include <string>
#include <vector>

namespace strata::platform {

/// The migrations of all entities, oldest first. Entities that share a version share one migration: its
/// script is theirs in the order of `of`.
class schema {
 public:
  explicit schema(const std::vector<entity_definition>& of = all_entities());
  schema(const schema&) = delete;
  schema& operator=(const schema&) = delete;

  /// Lifetime: this object.
  const std::vector<migration>& steps() const noexcept { return steps_; }

 private:
  std::vector<std::string> scripts_;
  std::vector<migration> steps_;
};

}  // namespace strata::platform
