#pragma once
/// The admin listener's routes: metrics, health, and the inspection and invalidation of the cache.
/// It does not know the platform, which passes functions for what only it knows.
/// Threads: any thread may serve the routes, and so call these functions.

#include <server/router.hpp>

#include <strata/cache.hpp>
#include <strata/edge.hpp>
#include <strata/edge_stats.hpp>
#include <strata/error.hpp>
#include <strata/events.hpp>
#include <strata/key.hpp>
#include <strata/rate_limiter.hpp>
#include <strata/task.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace strata::admin {

/// A part that the process needs, e.g. the database.
struct readiness_check {
  std::string name;
  /// /readyz shows the detail of its error.
  std::function<task<result<void>>()> ready;
  bool required = true;  ///< false: its failure is reported, and the process stays ready
};

/// A key's cached value, as far as it may be shown.
struct shown_value {
  bool hidden = false;              ///< sensitive: never shown
  std::optional<std::string> json;  ///< the cached value as JSON
};

/// The purges of the edge.
struct edge_functions {
  std::function<edge_stats()> stats;
  /// Adds purges to the queue. Errors: invalid_argument, for a purge that no edge could do.
  std::function<task<result<void>>(std::vector<edge_purge>)> purge;
};

struct admin_options {
  std::shared_ptr<strata::cache> cache;  ///< required

  /// The token that `Authorization: Bearer …` must carry. Empty: no request needs one, so listen on loopback
  /// only.
  std::string token;

  std::vector<readiness_check> checks;

  /// The body of GET /metrics.
  std::function<std::string()> metrics;  ///< required

  /// The limit on refused requests, by the client's network; null: there is none. A client that has used it
  /// up cannot try another token.
  std::function<std::shared_ptr<const rate_limiter>()> refused;

  /// The events that GET /cache/events streams; null: the route does not exist. Outlives the routes and their
  /// handlers.
  event_bus* events = nullptr;

  /// Purges of the edge; none: GET /edge/status and POST /edge/purge answer 404 with what to configure.
  std::optional<edge_functions> edge;

  /// Looks up the value cached under a key, without computing it.
  std::function<task<shown_value>(const strata::key& key)> value;  ///< required
};

/// What the RateLimit fields show after a decision of `by`.
server::rate_limit_state state_of(const rate_limiter& by, const rate_decision& decided);

/// The console (console.hpp), GET /metrics, /healthz, /readyz, /cache/stats, /cache/explain?key=,
/// /cache/get?key=, /cache/events
/// (server-sent events: event_streams.hpp), /edge/status, and POST /edge/purge and /cache/invalidate, whose
/// `soft` expires instead of removing; it then accepts only the patterns `*` and `PREFIX:*`, since no other
/// glob can be expired. Without a token the routes answer only requests to an IP address or localhost, so
/// that no web page can reach them through its own host name (DNS rebinding). Throws bad_options that names
/// every problem of `options`.
server::router admin_routes(admin_options options);

}  // namespace strata::admin
