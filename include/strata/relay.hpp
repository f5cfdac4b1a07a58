#pragma once
/// `relay`: what PostgreSQL's outbox says, told to every cache. So a cache learns what psql, another
/// service or a bulk COPY has written, and how long it may trust what it holds.
/// Threads: internally locked; it works on threads of its source, its store and its timers.
///
/// With a store, each process has a relay; one of them is active, and the others take its duty over when
/// it stands still:
///
///   auto outbox = strata::open_postgres({.url = url, .readers = 1, .writers = 1});
///   auto told = strata::open_store("redis://127.0.0.1:6379");
///   strata::relay relay({.source = *outbox, .target = *told});
///   …
///   auto shared = strata::open_store("redis://127.0.0.1:6379", {.relayed = true});
///   strata::cache cache({.second_level = *shared});
///
/// Without one, each relay speaks to the cache of its process:
///
///   strata::cache cache({.relayed = true});
///   strata::relay relay({.source = *outbox, .local = &cache});
///
/// The promise: while a cache trusts what it holds, it holds nothing that misses a change which was
/// committed more than `bound` ago. docs/decisions/0013 and 0014 say why.
/// Requires: one PostgreSQL database a name space. Its tables have their rules (outbox.hpp).

#include <strata/cache.hpp>
#include <strata/database.hpp>
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

  /// Who is told: a store that was opened for this relay alone, since a store does not tell those who use
  /// it what they change themselves. Or the cache of this process.
  std::shared_ptr<store> target = nullptr;
  cache* local = nullptr;

  /// That of the caches over `target`.
  std::string name_space = "strata";

  /// How often the outbox is looked at.
  duration poll = std::chrono::milliseconds(10);

  /// Of `local`: for how long after the last look what is in memory is trusted. That of a store is
  /// `store_options::bound`.
  duration bound = std::chrono::milliseconds(350);

  /// How long the active relay may stand still before another takes over.
  duration takeover = std::chrono::milliseconds(100);

  /// Told what an operator should know, one line each; called from any thread.
  std::function<void(std::string_view line)> log = [](std::string_view) {};

  timers* timer = &system_timers();
  const clock* time = &system_clock();
};

/// Applies the changes in the outbox to a store until it is destroyed.
class relay {
 public:
  /// Begins to work, and goes on by itself: what is away is tried again.
  /// Throws bad_options that names every problem of `options`.
  explicit relay(relay_options options);
  /// As `stop`.
  ~relay();
  relay(const relay&) = delete;
  relay& operator=(const relay&) = delete;

  /// Ends when the look that is under way has ended, which the timeouts of source and target bound.
  /// Requires: not called by what the relay calls.
  void stop();

  /// Cost: O(1,024); for a scrape.
  relay_stats stats() const;

 private:
  class worker;
  const std::shared_ptr<worker> worker_;
};

}  // namespace strata
