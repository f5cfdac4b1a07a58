#pragma once
/// The outbox in SQL: what is made in PostgreSQL, as text.
///
/// **A ring of parts.** A change goes into one of 8 parts of `strata_outbox.changes`, by the time: a
/// part takes what is written in two minutes. `maintain` empties a part once all in it was committed
/// more than the retention ago, by TRUNCATE of that part alone and only if nobody has it locked. So
/// nothing is vacuumed, and no writer ever waits for the outbox.
///
/// **A full part** takes no more. The trigger then counts by a sequence that it could not write: that
/// is seen at once, outside of transactions, takes no room, and no writer waits for another. Who
/// relays sees the number change and clears the name space until all who may have counted are over
/// (overflow_watch.hpp).
///
/// **Order.** `place` comes from a sequence. It says nothing about when a change was committed, but
/// of two changes of one row the later one has the larger: it was made after the row's lock was had.
/// Threads: pure functions.

#include <strata/outbox.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace strata::relaying {

/// Of `pg_advisory_xact_lock`: one installation at a time.
inline constexpr std::int64_t installation_lock = 7310579618392601;
/// As the schema's comment; another one means: made by another version.
inline constexpr std::string_view schema_version = "outbox 1";
/// More rows than these of one statement are written down as one change of everything.
inline constexpr int most_rows = 1000;

/// The outbox without tables.
std::string schema_script(byte_size limit);

/// Of `limit`, what one part may hold; and the statement that says so.
std::uint64_t part_limit(byte_size limit);
std::string limit_script(byte_size limit);

/// A table as PostgreSQL names it.
struct named_table {
  std::string name;                    ///< quoted and with its schema
  std::vector<std::string> truncated;  ///< it and its partitions, quoted: what TRUNCATE may name
};

/// The function and the triggers of rule `id`, with the values of `columns`.
/// Requires: `level` is row or statement.
std::string install_script(const named_table& table, std::int64_t id, const std::vector<std::string>& columns,
                           trigger_level level);

/// Drops what `install_script` made for rule `id`.
std::string uninstall_script(const named_table& table, std::int64_t id);

/// How many triggers `install_script` makes.
std::size_t triggers_of(const named_table& table, trigger_level level);

}  // namespace strata::relaying
