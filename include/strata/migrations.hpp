#pragma once
/// Forward-only migrations of a database's schema.
/// Threads: free functions; callable from any thread.
///
///   constexpr strata::migration schema[] = {
///       {1, "agents", "CREATE TABLE agents (id TEXT PRIMARY KEY, …);"},
///       {2, "agents_by_organization", "CREATE INDEX …;"},
///   };
///   auto applied = co_await strata::migrate(database, schema, [&] { return clock.wall(); });
///
/// What was applied stands in `schema_migrations(version, name, checksum, applied_at)`. An applied
/// migration is never edited: a new one is added after it.

#include <strata/database.hpp>
#include <strata/time.hpp>

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace strata {

/// One step of a schema. Lifetime: the texts are literals, or outlive the call of `migrate`.
struct migration {
  std::int64_t version;     ///< from 1, ascending; gaps are allowed
  std::string_view name;    ///< what it does, as an identifier
  std::string_view script;  ///< statements separated by `;`, without BEGIN and COMMIT
};

/// What `migrate` did.
struct migrated {
  std::int64_t version = 0;                 ///< the schema's version now; 0 if there are no migrations
  std::vector<std::int64_t> newly_applied;  ///< empty if the schema was up to date
};

/// The checksum that `schema_migrations` keeps of `script`: 16 hexadecimal digits. It guards
/// against accidents, not against forgery.
std::string checksum_of(std::string_view script);

/// Applies those of `steps` that `target` has not seen, in order, all or none.
/// Several processes may start at once: each waits for the database's write lock before it looks,
/// so one applies and the others find it done.
/// Throws:   bad_options if versions do not ascend from 1 or a name or script is empty.
/// Errors:   conflict if an applied migration's text or name differs from `steps`, one is missing
///           between applied ones, or the database is newer than the program (nothing is changed);
///           statement and constraint with the failing migration's version and name;
///           as `database::begin` besides.
/// Lifetime: `target` outlives the task; `steps` and `now` are copied.
/// Cost:     one transaction, which writes nothing when there is nothing to do.
task<result<migrated>> migrate(database& target, std::span<const migration> steps,
                               std::function<wall_time()> now);

}  // namespace strata
