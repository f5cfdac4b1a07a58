#pragma once
/// The trigger function of a rule, as SQL.
///
/// **It never makes a write fail.** What may fail runs in a block that catches its error. Such a block is a
/// subtransaction, and one that writes takes a transaction id of its own. So only the first change of a rule
/// in a transaction is written inside the block. It leaves the locks that make the later ones safe outside;
/// `set_config` notes this until the transaction, or the savepoint, ends.
///
/// **It never misses a change.** A row that it cannot read is recorded as the widest change of its rule, with
/// the reason ('w'). If the outbox cannot take even that, the function increments `overflow`, whichever name
/// the schema has by now, and the relay removes everything.
///
/// **A row's text does not depend on its writer.** The function pins every setting that changes the text of a
/// type to the value that the driver's sessions have (`session_options` in server_address.cpp).
/// Threads: pure functions.

#include <strata/outbox.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace strata::relay_detail {

/// The comment of each rule's function. A function with a smaller number, or none, is replaced.
inline constexpr int function_version = 2;
inline constexpr std::string_view function_comment = "strata rule function ";

/// A statement that changes more rows is recorded as one change of the whole table.
inline constexpr int most_rows = 1000;

/// The clause that makes a function run as its owner, with a search path into which no other role can put
/// names. So a role that writes to a table needs no right to the outbox.
inline constexpr std::string_view as_owner = "SECURITY DEFINER SET search_path = pg_catalog, pg_temp";

/// A column that a rule's patterns name.
struct named_column {
  std::string name;
  /// Its cast to text differs from its output: an inet shows its mask only in the cast.
  bool by_output = false;
};

/// The number of the part that takes changes now, as an SQL expression.
std::string part_now();

/// Creates or replaces the function of rule `id`.
/// Requires: `level` is row or statement.
std::string function_script(std::int64_t id, const std::vector<named_column>& columns, trigger_level level);

}  // namespace strata::relay_detail
