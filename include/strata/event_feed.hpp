#pragma once
/// `event_feed`: delivers events of every process from PostgreSQL's outbox to this process's event bus.
/// Threads: internally locked; handlers run on `background`.
///
/// An event is a changed row of a table whose rule names one (`outbox_rule::event`): agent.created,
/// agent.updated and agent.deleted have the columns of the patterns as attributes; agent.truncated, and
/// agent.bulk for more rows than are recorded, have none. Or it is what a transaction publishes itself:
///
///   const auto publish = strata::publication_of({.type = "agent.shared", .attributes = {{"id", "agt_1"}}});
///   auto done = co_await work.execute(publish.statement, publish.parameters);   // committed with the rest
///
///   strata::event_feed feed({.source = *database, .to = &bus});
///
/// Events arrive after their commit, at least once, and those of one row in the order of its changes. Each
/// handler has its own queue: a handler that throws is called again, later each time, and delays no other.

#include <strata/database.hpp>
#include <strata/error.hpp>
#include <strata/event_feed_stats.hpp>
#include <strata/events.hpp>
#include <strata/log.hpp>
#include <strata/task.hpp>
#include <strata/timer.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace strata {

/// Options of an event_feed.
struct event_feed_options {
  /// PostgreSQL with an outbox, opened for this feed: `{.readers = 1, .writers = 1}`.
  std::shared_ptr<database> source;

  /// The bus whose handlers are called. It outlives the feed.
  event_bus* to = nullptr;

  /// If not empty, the feed saves its position under this name, and continues there when it starts again. So
  /// it misses nothing that the outbox still keeps. Only one process at a time may use a name.
  std::string name = {};

  /// The pause between two polls of the outbox.
  duration poll = std::chrono::milliseconds(50);

  /// A handler that threw is called again after `retry`; the delay doubles each time, up to a minute. After
  /// `attempts` calls the event is given up for this handler.
  duration retry = std::chrono::milliseconds(100);
  unsigned attempts = 10;

  /// How many events may wait for one handler. Above this, its oldest events are given up.
  std::size_t waiting = 10'000;

  /// Receives what an operator should know, one line a call; called from any thread.
  log_function log = [](log_level, std::string_view) {};

  executor* background = &system_background();
  timers* timer = &system_timers();
  const clock* time = &system_clock();
};

/// Publishes the events of PostgreSQL's outbox on an event bus of this process.
class event_feed {
 public:
  /// Begins with events committed from now on, or at the saved position of `name`.
  /// Throws bad_options that names every problem of `options`.
  explicit event_feed(event_feed_options options);
  /// As `stop`.
  ~event_feed();
  event_feed(const event_feed&) = delete;
  event_feed& operator=(const event_feed&) = delete;

  /// Returns when the running handlers have ended. Requires: not called by a handler.
  void stop();

  event_feed_stats stats() const;

 private:
  class worker;
  const std::shared_ptr<worker> worker_;
};

/// The statement that publishes `event`. Execute it in a transaction: the event is published when that
/// commits. Requires: the outbox is installed. Errors of the statement: the outbox is full.
sql_query publication_of(const domain_event& event);

}  // namespace strata
