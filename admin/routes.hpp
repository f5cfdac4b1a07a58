#pragma once
/// The admin listener's routes: metrics, health, and a look into the cache and a hand on it.
/// Knows no platform: what it cannot know is handed to it as functions.
/// Threads: the routes may be served from any thread; so must the functions be callable.

#include <server/router.hpp>

#include <strata/cache.hpp>
#include <strata/error.hpp>
#include <strata/events.hpp>
#include <strata/key.hpp>
#include <strata/task.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace strata::admin {

/// A part that must work for the process to serve, e.g. the database.
struct readiness_check {
  std::string name;
  /// Its error's detail is shown to who may ask.
  std::function<task<result<void>>()> ready;
  bool required = true;  ///< else it is told, but the process serves without it
};

/// What may be shown of a key's cached value.
struct shown_value {
  bool hidden = false;              ///< sensitive: never shown
  std::optional<std::string> json;  ///< what is cached, as JSON
};

struct admin_options {
  std::shared_ptr<strata::cache> cache;  ///< required

  /// What `Authorization: Bearer …` must say; empty: nobody is asked, so listen on loopback only.
  std::string token;

  std::vector<readiness_check> checks;

  /// The body of GET /metrics.
  std::function<std::string()> metrics;  ///< required

  /// What GET /cache/events streams; null: there is no such route. Outlives the routes, and their handlers.
  event_bus* events = nullptr;

  /// Looks up what is cached under a key, without computing it.
  std::function<task<shown_value>(const key& where)> value;  ///< required
};

/// GET /metrics, /healthz, /readyz, /cache/stats, /cache/explain?key=, /cache/get?key=, /cache/events
/// (server-sent events: admin_events.hpp) and POST /cache/invalidate, whose `soft` expires instead of
/// removing; of patterns it then takes `*` and `PREFIX:*` only, since no other glob can be expired. Without a
/// token only requests to an IP address or localhost are answered, so that no web page can reach it through a
/// name of its own (DNS rebinding). Throws bad_options that names every problem of `options`.
server::router admin_routes(admin_options options);

}  // namespace strata::admin
