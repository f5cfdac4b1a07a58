#pragma once
/// The outbox: PostgreSQL triggers that record what each transaction changes in a table, whichever client it
/// comes from, so that a relay can apply it to caches. It has a schema of its own, `strata_outbox`, and holds
/// the changes of the last 10 minutes and a little more.
/// Threads: free functions; callable from any thread.
///
///   auto done = co_await strata::install_outbox(database, {.table = "agents",
///                                                          .keys = {"agent:{id}"},
///                                                          .prefixes =
///                                                          {"api:agents:list:{organization_id}"}});
///
/// Errors: of all functions: invalid_argument if the database is not PostgreSQL; the errors of their
/// statements. Lifetime: `target` outlives the task.

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

/// How long the outbox keeps changes, at least. A relay that was away for longer clears the name space.
inline constexpr duration outbox_retention = std::chrono::minutes(10);

/// When the triggers of a table run.
enum class trigger_level : std::uint8_t {
  automatic,  ///< statement, or row where a statement trigger would not see every change
  row,        ///< also sees logical replication and partitions; costs more in bulk
  statement,  ///< cheaper in bulk; more than 1,000 changed rows are recorded as one change
};
std::string_view name(trigger_level level) noexcept;

/// What a changed row invalidates. Patterns name the table's columns: `agent:{id}`. A column that is NULL
/// widens its pattern to the whole segments before it (a tag: to everything).
struct outbox_rule {
  std::string table;                       ///< as in SQL: agents, sales.orders, "Odd Name"
  std::vector<std::string> keys = {};      ///< removed
  std::vector<std::string> prefixes = {};  ///< every key below
  std::vector<std::string> tags = {};      ///< every key that carries it
  /// If not empty, a change is also an event: "agent" gives agent.created, agent.updated and agent.deleted,
  /// with the columns of the patterns as attributes (event_feed.hpp).
  std::string event = {};
  trigger_level level = trigger_level::automatic;
};

/// Options of the outbox in PostgreSQL.
struct outbox_options {
  /// The most that the outbox may hold. A change that finds it full is only counted, and the relay clears the
  /// name space.
  byte_size limit{1u << 30};
};

/// Creates the outbox if it is missing, and the triggers of `rule.table`. Replaces an earlier rule of the
/// table; if that was the same, changes and locks nothing. Returns whether anything changed. Errors:
/// invalid_argument, which names every problem of the rule; not_found: no such table.
task<result<bool>> install_outbox(database& target, outbox_rule rule, outbox_options options = {});

/// Creates the outbox without rules, for published events only. Returns whether it was missing.
task<result<bool>> install_outbox(database& target);

/// Removes the triggers of `table`, and with the last table the outbox itself.
/// Errors: not_found: nothing is installed for it.
task<result<void>> uninstall_outbox(database& target, std::string table);

/// Removes every trigger and the outbox.
task<result<void>> uninstall_outbox(database& target);

/// The state of the outbox.
struct outbox_status {
  struct table {
    outbox_rule rule;      ///< its level is row or statement
    bool complete = true;  ///< false if triggers are missing or disabled: install again
    /// Why changes are recorded wider than they are, or may be missed; each says what to do.
    std::vector<std::string> problems = {};
  };
  /// The relay that leads for a name space with a second level.
  struct leader {
    std::string name_space;
    std::int64_t term = 0;  ///< how often leadership has changed
    duration age{};         ///< since it last saved its position
  };
  bool present = false;
  std::vector<table> tables;
  std::vector<leader> leaders;
  std::uint64_t bytes = 0;
  std::uint64_t limit = 0;
  std::uint64_t overflowed = 0;       ///< statements that it could not record, since it was full or damaged
  std::vector<std::string> problems;  ///< of the outbox itself, e.g. that its schema was renamed
};
task<result<outbox_status>> status_of_outbox(database& target);

}  // namespace strata
