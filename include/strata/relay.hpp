#pragma once
/// `relay`: applies the changes in PostgreSQL's outbox to every cache. So a cache learns what psql, another
/// service or a bulk COPY has written, and how long it may trust its contents.
/// Threads: internally locked; it works on threads of its source, its store and its timers.
///
/// With a store, each process has a relay. One of them leads; another takes over when it stops making
/// progress:
///
///   auto outbox = strata::open_postgres({.url = url, .readers = 1, .writers = 1});
///   auto target = strata::open_store("redis://127.0.0.1:6379");
///   strata::relay relay({.source = *outbox, .target = *target});
///   …
///   auto store = strata::open_store("redis://127.0.0.1:6379", {.relayed = true});
///   strata::cache cache({.second_level = *store});
///
/// Without a store, each relay applies the changes to the cache of its process:
///
///   strata::cache cache({.relayed = true});
///   strata::relay relay({.source = *outbox, .local = &cache});
///
/// The promise: while a cache trusts its contents, they reflect every change that was committed more than
/// `bound` ago. docs/decisions/0013 and 0014 explain why. Requires: one PostgreSQL database for each name
/// space, with a rule for each of its tables (outbox.hpp).

#include <strata/cache.hpp>
#include <strata/database.hpp>
#include <strata/log.hpp>
#include <strata/relay_stats.hpp>
#include <strata/store.hpp>
#include <strata/timer.hpp>

#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace strata {

/// Options of a relay.
struct relay_options {
  /// PostgreSQL, opened for this relay alone: `{.readers = 1, .writers = 1}`.
  std::shared_ptr<database> source;

  /// The receiver: a store that was opened for this relay alone, since a store does not report to its users
  /// the changes that they make themselves. Or the cache of this process.
  std::shared_ptr<store> target = nullptr;
  cache* local = nullptr;

  /// The pause between two polls of the outbox. Up to five times as long after a second without changes.
  duration poll = std::chrono::milliseconds(10);

  /// How long `local` trusts its contents after a poll. For a store, store_options::bound is used instead.
  duration bound = std::chrono::milliseconds(350);

  /// How long the leading relay may make no progress before another takes over. On a busy machine, where
  /// relays are late, up to eight times as long.
  duration takeover = std::chrono::milliseconds(150);

  /// Receives what an operator should know, one line a call; called from any thread.
  log_function log = [](log_level, std::string_view) {};

  timers* timer = &system_timers();
  const clock* time = &system_clock();
};

/// Applies the changes in the outbox to a store until it is destroyed.
class relay {
 public:
  /// Begins to work, and retries by itself whatever fails.
  /// Throws bad_options that names every problem of `options`.
  explicit relay(relay_options options);
  /// As `stop`.
  ~relay();
  relay(const relay&) = delete;
  relay& operator=(const relay&) = delete;

  /// Returns when the current turn has ended, which the timeouts of source and target bound.
  /// Requires: not called from inside a callback of the relay.
  void stop();

  /// Cost: O(1,024): for scrapes, not for hot paths.
  relay_stats stats() const;

 private:
  class worker;
  const std::shared_ptr<worker> worker_;
};

}  // namespace strata
