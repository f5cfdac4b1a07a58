#pragma once
/// The AI Agent Platform in one object: its routes, repositories, sessions and events over a
/// database and a cache that the caller owns.
/// Threads: any, once constructed; `start` and `stop` by one thread.
///
///   platform::app app({.database = database, .cache = cache});
///   if (auto done = strata::sync_wait(app.migrate()); !done) return fail(done.error());
///   app.start();
///   strata::server::server server({.port = 8080}, app.routes());
///   server.start();
///   app.stop();

#include "platform/entity_table.hpp"
#include "platform/settings.hpp"

#include <strata/cache.hpp>
#include <strata/database.hpp>
#include <strata/events.hpp>
#include <strata/log.hpp>
#include <strata/rate_limiter.hpp>
#include <strata/session_store.hpp>
#include <strata/task.hpp>
#include <strata/time.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace strata::server {
class request;
class router;
struct rate_limit_state;
}  // namespace strata::server

namespace strata::platform {

class repositories;

struct app_options {
  std::shared_ptr<strata::database> database;  ///< required
  std::shared_ptr<strata::cache> cache;        ///< required
  const strata::clock* time = &strata::system_clock();
  std::vector<entity_definition> entities = all_entities();
  policy_table policies = default_policies();  ///< of some or all of them
  auth_settings auth;
  limit_settings limits;
  /// Where gateways count together; null: this one counts alone.
  std::shared_ptr<strata::rate_limit_store> limit_store;
  /// How often to check SQLite for writes of other programs; 0: never. For PostgreSQL the relay reports them.
  strata::duration foreign_change_interval = std::chrono::milliseconds(100);
  /// Receives log lines for the operator. Called from any thread.
  strata::log_function log;
};

class app {
 public:
  /// Throws strata::bad_options that names every problem of `options`.
  explicit app(app_options options);
  /// Requires: no request is being served. Stops the background work.
  ~app();
  app(const app&) = delete;
  app& operator=(const app&) = delete;

  /// Brings the database's tables up to date; does nothing when they are.
  strata::task<strata::result<void>> migrate();

  /// Begins the background work: clears the cache when another program has written to SQLite, records the
  /// uses of sessions and deletes ended ones, and calls `cache::maintain` about every second.
  void start();
  /// Ends it and waits for it. Idempotent.
  void stop();

  /// Replaces the limits in force. Callers of a changed limit count from zero.
  void set_limits(const limit_settings& to);

  /// For server_options::count_refused.
  std::optional<strata::server::rate_limit_state> count_refused(std::string_view peer,
                                                                const strata::server::request* from) const;
  /// The counters of the limits in force, by their names.
  std::vector<std::pair<std::string_view, strata::rate_limiter_stats>> limit_stats() const;

  /// Every route of the platform's API; reads the key of consistency tokens from the database first. For a
  /// server to own. Lifetime: this app outlives them.
  strata::server::router routes();
  /// Import and demo data write through it. Lifetime: this app.
  repositories& data() noexcept;
  password_hasher& passwords() noexcept;
  strata::session_store& sessions() noexcept;
  strata::event_bus& events() noexcept;

 private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace strata::platform
