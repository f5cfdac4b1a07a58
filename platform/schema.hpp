#pragma once
/// The platform's tables, as migrations. The statements run on SQLite and on PostgreSQL.
/// Threads: constants.

#include <strata/migrations.hpp>

#include <span>

namespace strata::platform {

/// Every migration, oldest first. Never change one that was released: add another.
std::span<const strata::migration> schema() noexcept;

}  // namespace strata::platform
