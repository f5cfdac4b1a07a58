#pragma once
/// The outbox: triggers of PostgreSQL that write down what every transaction changes in a table,
/// whoever it comes from, so that a relay can tell caches of it. It lives in a schema of its own,
/// `strata_outbox`, and holds what was written in the last 10 minutes and a little more.
/// Threads: free functions; callable from any thread.
///
///   auto done = co_await strata::install_outbox(database, {.table = "agents",
///                                                          .keys = {"agent:{id}"},
///                                                          .prefixes =
///                                                          {"api:agents:list:{organization_id}"}});
///
/// Errors: all of them invalid_argument if the database is not PostgreSQL, and what its
///         statements end with.   Lifetime: `target` outlives the task.

#include <strata/database.hpp>
#include <strata/error.hpp>
#include <strata/task.hpp>
#include <strata/time.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace strata {

/// How long the outbox keeps what it was told, at least. A relay that was away for longer clears
/// the name space.
inline constexpr duration outbox_retention = std::chrono::minutes(10);

/// When the triggers of a table run.
enum class trigger_level : std::uint8_t {
  automatic,  ///< by statement, but by row where a statement's trigger would not see everything
  row,        ///< sees what logical replication writes, and partitions; dearer in bulk
  statement,  ///< cheaper in bulk; what changes more than 1,000 rows is written down as one change
};
std::string_view name(trigger_level level) noexcept;

/// What a change of a row makes invalid. Patterns name the table's columns: `agent:{id}`. A column
/// that is NULL widens its pattern to the whole segments before it (of a tag: to everything).
struct outbox_rule {
  std::string table;                       ///< as in SQL: agents, sales.orders, "Odd Name"
  std::vector<std::string> keys = {};      ///< removed
  std::vector<std::string> prefixes = {};  ///< every key below
  std::vector<std::string> tags = {};      ///< every key that carries it
  /// Not empty: a change is also an event, "agent" making agent.created, agent.updated and
  /// agent.deleted, with the columns of the patterns as attributes (event_feed.hpp).
  std::string event = {};
  trigger_level level = trigger_level::automatic;
};

/// Options of the outbox in PostgreSQL.
struct outbox_options {
  /// What the outbox may hold. A change that finds it full is only counted, and whoever relays then
  /// clears the name space.
  byte_size limit{1u << 30};
};

/// Makes the outbox, if it is not there, and the triggers of `rule.table`. Replaces what was
/// installed for the table before; changes nothing, and locks nothing, if it was the same.
/// Returns whether something was changed.
/// Errors: invalid_argument, naming every problem of the rule; not_found: no such table.
task<result<bool>> install_outbox(database& target, outbox_rule rule, outbox_options options = {});

/// Makes the outbox without tables, for events only. Returns whether it was not there.
task<result<bool>> install_outbox(database& target);

/// Removes the triggers of `table`, and with the last table the outbox itself.
/// Errors: not_found: nothing is installed for it.
task<result<void>> uninstall_outbox(database& target, std::string table);

/// Removes every trigger and the outbox. Nothing is left of it.
task<result<void>> uninstall_outbox(database& target);

/// What is installed.
struct outbox_status {
  struct installed {
    outbox_rule rule;      ///< its level is row or statement
    bool complete = true;  ///< false if triggers are missing or disabled: install again
  };
  /// Who relays for a name space, with a second level.
  struct relaying {
    std::string name_space;
    std::int64_t term = 0;   ///< how often the duty changed hands
    double age_seconds = 0;  ///< since it told last how far it is
  };
  bool present = false;
  std::vector<installed> tables;
  std::vector<relaying> relays;
  std::uint64_t bytes = 0;
  std::uint64_t limit = 0;
  std::uint64_t overflowed = 0;  ///< statements that found it full
};
task<result<outbox_status>> status_of_outbox(database& target);

}  // namespace strata
