#pragma once
/// Reads from the outbox what was committed between two snapshots.
///
/// A transaction's id tells when it began to write, not when it committed; nor does `place`. The rows that a
/// snapshot sees and the one before did not are exactly those committed between the two, whatever their ids,
/// and the snapshots of one primary are nested. So we miss nothing, and wait for no transaction.
///
/// A snapshot means nothing on another server, nor on this one after a crash: the ids of lost transactions
/// are given out again. `life` is a row of an UNLOGGED table. PostgreSQL empties it in exactly these cases
/// (crash recovery, a promoted standby, a restored backup), and keeps it over a clean restart. Threads: one
/// task at a time.

#include "database/snapshot.hpp"
#include "events/invalidation_template.hpp"
#include "relay/outbox_tables.hpp"
#include "relay/text_array.hpp"

#include <strata/database.hpp>
#include <strata/error.hpp>
#include <strata/invalidation.hpp>
#include <strata/outbox.hpp>
#include <strata/task.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace strata::relay_detail {

/// The position up to which the outbox has been read.
struct cursor {
  std::string seen;  ///< a snapshot as PostgreSQL writes it; empty: nothing was read yet
  std::string life;  ///< of the server that took it
};

/// Shorter than the retention, so that no part is emptied between our look at the age and at the changes.
inline constexpr std::chrono::seconds oldest_cursor =
    std::chrono::duration_cast<std::chrono::seconds>(outbox_retention - std::chrono::minutes(1));

/// Everything that the outbox holds.
inline constexpr std::string_view from_the_beginning = "1:1:";

struct change {
  std::int64_t place = 0;
  std::int32_t rule = 0;
  /// i, u, d: a row; t: TRUNCATE; b: more rows than are recorded; e: an event; w: a row that the trigger
  /// could not read, with the reason behind its values
  char what = '?';
  text_array values;
};

/// What one poll of the outbox found.
struct poll_result {
  std::string seen;                  ///< the snapshot of this poll
  detail::commit_snapshot snapshot;  ///< the same, parsed
  std::string life;                  ///< empty: the server has lost it, and `begin_life` is due
  std::optional<std::int64_t> term;  ///< of the relay that leads for the name space; nothing: none does
  std::int64_t overflow = 0;
  bool too_old = false;         ///< the outbox may have emptied parts that the cursor had not seen
  bool more = false;            ///< `changes` is not all of them
  std::vector<change> changes;  ///< in no order
};

class outbox_reader {
 public:
  explicit outbox_reader(std::shared_ptr<database> source) : source_(std::move(source)) {}

  /// What was committed since `after`, at most `limit` changes.
  /// Errors: as database::query; corrupt_entry.
  task<result<poll_result>> poll(std::string name_space, cursor after, int limit);
  task<result<void>> begin_life();
  /// The id of a transaction that begins now.
  task<result<std::uint64_t>> next_transaction();

  /// Adds what `changes` invalidate. A change that we cannot read invalidates everything.
  /// Errors: as database::query.
  task<result<void>> expand(const std::vector<change>& changes, invalidation& into);

  /// What keeps the outbox from recording changes exactly, or at all. Errors: as database::query.
  task<result<std::vector<outbox_problem>>> find_problems();

  /// Empties the parts of the outbox that are old enough. Returns its size in bytes.
  task<result<std::uint64_t>> maintain();

 private:
  struct known_rule {
    events::invalidation_template patterns;
    std::vector<std::string> columns;
  };
  task<result<void>> load_rules();

  const std::shared_ptr<database> source_;
  std::map<std::int64_t, known_rule> rules_;  ///< a rule never changes; a new one has a new id
};

}  // namespace strata::relay_detail
