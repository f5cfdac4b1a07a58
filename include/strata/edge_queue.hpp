#pragma once
/// The durable queue of edge purges, and the sender that empties it.
/// Threads: `edge_sender` any, internally locked. The free functions may be called from any thread.
///
///   co_await strata::install_edge_queue(*database, {{"listings", {"listing:{id}", "listings"}}});
///   strata::edge_sender sender({.source = database, .edges = {cloudflare}, .http = http});
///
/// Triggers write a purge in the transaction of each change, whichever program makes it. So a purge exists if
/// and only if its change does. One sender of all processes sends: it holds a lease with a fencing token, by
/// the database's clock. It deletes a purge only after the edge has accepted it, so a crash repeats purges
/// and loses none (docs/decisions/0018-edge-purges-are-rows.md).

#include <strata/database.hpp>
#include <strata/edge.hpp>
#include <strata/edge_stats.hpp>
#include <strata/error.hpp>
#include <strata/log.hpp>
#include <strata/task.hpp>
#include <strata/time.hpp>
#include <strata/timer.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace strata {

/// What a changed row purges. Patterns name the table's columns: `listing:{id}`. A pattern with a column that
/// is NULL purges nothing. TRUNCATE purges everything.
struct edge_rule {
  std::string table;              ///< as in SQL
  std::vector<std::string> tags;  ///< by the row before and after the change
};

/// The rows that the queue holds while no sender runs. Later changes are not recorded, and the next sender
/// purges everything.
inline constexpr std::int64_t edge_queue_limit = 100'000;

/// Creates the tables `edge_purges`, `edge_deliveries` and `edge_sender` where they are missing, and the
/// triggers of every rule's table. Changes and locks nothing that is as it should be. A write never fails
/// because its purge cannot be recorded; PostgreSQL then reports a warning to the writer.
/// Returns: whether anything changed.
/// Errors:  invalid_argument for a malformed pattern; those of the database, e.g. that another role owns the
///          table.
/// Lifetime: `target` outlives the task.
task<result<bool>> install_edge_queue(database& target, std::vector<edge_rule> rules);

/// Adds purges to the queue in a transaction of their own. Requires: the queue is installed.
/// Errors: invalid_argument, for the first purge with a problem; those of the database.
task<result<void>> enqueue_edge_purges(database& target, std::vector<edge_purge> purges);

/// Returns the public URL of a page that a purge covers, or an empty text if there is none.
using edge_page_function = std::function<std::string(edge_purge_kind kind, std::string_view value)>;

struct edge_sender_options {
  std::shared_ptr<database> source;                 ///< required
  std::vector<std::shared_ptr<edge_client>> edges;  ///< required; each with a name of its own
  /// From when a purge is first seen until it is sent: as long as any process may serve what it replaces.
  duration settle = std::chrono::milliseconds(350);
  duration poll = std::chrono::milliseconds(50);  ///< of the database
  duration lease = std::chrono::seconds(5);       ///< so long after a sender died, another one begins
  double rate = 10;                               ///< calls a second to each edge, in the long run
  double burst = 20;                              ///< calls at once
  std::shared_ptr<edge_http> http;  ///< of the edges, and for probes; `stop` stops it; null: no probes
  edge_page_function page;          ///< what to probe after a purge; null: nothing
  timers* timer = &system_timers();
  const clock* time = &system_clock();
  log_function log;
};

/// The field in which a response says when it was made, in milliseconds since 1970. A probe reads it, and Age
/// where it is missing.
inline constexpr std::string_view edge_asof_field = "Strata-Asof";

/// Sends the purges of a queue to edges.
///
/// Per edge: purges of one name are merged; the oldest go first; a failed call is repeated after a growing
/// pause of at most 5 s, or after what Retry-After asks for, and delays no other edge. More than 10,000
/// waiting purges become one of everything. With `page`, a probe asks for a purged page through the edge. If
/// it shows an older response, the purge is sent again, up to five times.
class edge_sender {
 public:
  /// Begins. Throws bad_options that names every problem. Lifetime: timer and clock outlive it.
  explicit edge_sender(edge_sender_options options);
  ~edge_sender();
  edge_sender(const edge_sender&) = delete;
  edge_sender& operator=(const edge_sender&) = delete;

  /// Ends the calls on their way, stops `http` and gives the lease to another process. Idempotent.
  void stop();

  edge_stats stats() const;

 private:
  class worker;
  std::unique_ptr<worker> worker_;
};

}  // namespace strata
