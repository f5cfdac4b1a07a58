#pragma once
/// The SQL of the outbox, as text.
///
/// **A ring of parts.** A change goes into one of 8 parts of `strata_outbox.changes`, chosen by the time: a
/// part takes the changes of two minutes. `maintain` empties a part once all its changes were committed
/// before the retention, by TRUNCATE of that part alone, and only if no client has it locked. So nothing
/// needs vacuum, and no writer ever waits for the outbox.
///
/// **A full part** takes no more. The trigger then increments a sequence: every session sees that at once, it
/// belongs to no transaction and takes no room, and no writer waits for another. The relay sees the number
/// move, and clears the name space until every transaction has ended that may have incremented it
/// (overflow_watch.hpp).
///
/// **Order.** `place` comes from a sequence. It does not tell when a change was committed. But of two changes
/// of one row the later has the larger place, since it was made after its writer had locked the row. Threads:
/// pure functions.

#include <strata/outbox.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace strata::relay_detail {

/// For `pg_advisory_xact_lock`: one installation at a time.
inline constexpr std::int64_t installation_lock = 7310579618392601;
/// The schema's comment; another text means other tables. The functions have a version of their own
/// (rule_function.hpp).
inline constexpr std::string_view schema_version = "outbox 1";
/// How many parts the ring has.
inline constexpr int parts = 8;

/// Creates the outbox without rules.
std::string schema_script(byte_size limit);

/// The share of `limit` that one part may hold, and the statement that sets it.
std::uint64_t part_limit(byte_size limit);
std::string limit_script(byte_size limit);

/// A table as PostgreSQL names it.
struct named_table {
  std::string name;                    ///< quoted and with its schema
  std::vector<std::string> truncated;  ///< it and its partitions, quoted: TRUNCATE may name each of them
};

/// Creates the triggers that run the function of rule `id`.
/// Requires: `level` is row or statement.
std::string trigger_script(const named_table& table, std::int64_t id, trigger_level level);

/// Drops the triggers and the function of rule `id`.
std::string uninstall_script(const named_table& table, std::int64_t id);

/// How many triggers `trigger_script` creates.
std::size_t triggers_of(const named_table& table, trigger_level level);

}  // namespace strata::relay_detail
