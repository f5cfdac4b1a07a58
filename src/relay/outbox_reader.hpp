#pragma once
/// Reading the outbox: what was committed between two snapshots.
///
/// A transaction's number says when it began to write, not when it committed; nor does `place`. What a
/// snapshot sees and the one before did not, is exactly what was committed between the two, whatever the
/// numbers, and snapshots of one primary are nested. So nothing is missed and nothing need be waited for.
///
/// A snapshot means nothing on another server, nor on this one after a crash: numbers that were given to
/// transactions that are lost are given again. `life` is a row of an UNLOGGED table, which PostgreSQL
/// empties in just these cases (crash recovery, a standby that is promoted, a restored backup) and keeps
/// over a clean restart.
/// Threads: one task at a time.

#include "database/snapshot.hpp"
#include "events/invalidation_template.hpp"
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

namespace strata::relaying {

/// Up to where the outbox has been read.
struct cursor {
  std::string seen;  ///< a snapshot as PostgreSQL writes it; empty: nowhere
  std::string life;  ///< of the server that took it
};

/// Not so close to the retention that a part could be emptied between a look at the marks and one at the
/// changes.
inline constexpr std::chrono::seconds oldest_cursor =
    std::chrono::duration_cast<std::chrono::seconds>(outbox_retention - std::chrono::minutes(1));

/// Everything that the outbox holds.
inline constexpr std::string_view from_the_beginning = "1:1:";

struct change {
  std::int64_t place = 0;
  std::int32_t rule = 0;
  char what = '?';  ///< i, u, d: a row; t: TRUNCATE; b: more rows than are written down; e: an event
  text_array values;
};

/// What a look at the outbox found.
struct glance {
  std::string seen;  ///< the snapshot of this look
  detail::commit_snapshot now;
  std::string life;                  ///< empty: the server has forgotten, and `begin_life` is due
  std::optional<std::int64_t> term;  ///< of whoever relays for the name space; nothing: nobody does
  std::int64_t overflow = 0;
  bool too_old = false;         ///< the outbox may have emptied parts that the cursor had not seen
  bool more = false;            ///< than were asked for: `changes` is not all
  std::vector<change> changes;  ///< in no order
};

class outbox_reader {
 public:
  explicit outbox_reader(std::shared_ptr<database> source) : source_(std::move(source)) {}

  /// What was committed since `after`, at most so many changes.
  /// Errors: as database::query; corrupt_entry.
  task<result<glance>> look(std::string name_space, cursor after, int most);
  task<result<void>> begin_life();
  /// The number of a transaction that begins now.
  task<result<std::uint64_t>> fence();

  /// Adds what `changes` make invalid. What is not known how to read makes everything invalid.
  /// Errors: as database::query.
  task<result<void>> expand(const std::vector<change>& changes, invalidation& into);

  /// Empties parts of the outbox that are old enough. Returns what it weighs.
  task<result<std::uint64_t>> maintain();

 private:
  struct known_rule {
    events::invalidation_template patterns;
    std::vector<std::string> columns;
  };
  task<result<void>> load_rules();

  const std::shared_ptr<database> source_;
  std::map<std::int64_t, known_rule> rules_;  ///< a rule never changes; another one has another number
};

}  // namespace strata::relaying
