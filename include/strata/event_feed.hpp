#pragma once
/// `event_feed`: what happened in any process, from PostgreSQL's outbox to the event bus of this one.
/// Threads: internally locked; handlers run on `background`.
///
/// Two things are events: a changed row of a table whose rule names one (`outbox_rule::event`: agent.created,
/// agent.updated, agent.deleted with the columns of the patterns as attributes; agent.truncated, and
/// agent.bulk for more rows than are written down, without), and what a transaction publishes itself:
///
///   const auto said = strata::publication_of({.type = "agent.shared", .attributes = {{"id", "agt_1"}}});
///   auto done = co_await work.execute(said.statement, said.parameters);   // committed with the rest
///
///   strata::event_feed feed({.source = *database, .to = &bus});
///
/// Events arrive after their commit, at least once, those of one row in the order of its changes. Each
/// handler has a lane of its own: one that throws is called again, later each time, and holds up nobody else.

#include <strata/database.hpp>
#include <strata/error.hpp>
#include <strata/event_feed_stats.hpp>
#include <strata/events.hpp>
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

  /// Whose handlers are called. Outlives the feed.
  event_bus* to = nullptr;

  /// Not empty: where the feed goes on the next time it begins, so that nothing is missed that happened
  /// while it was away, for as long as the outbox keeps it. One process at a time has a name.
  std::string name = {};

  /// How often the outbox is looked at.
  duration poll = std::chrono::milliseconds(50);

  /// A handler that threw is called again after `retry`, then twice as long each time, at most a minute;
  /// after so many `attempts` the event is given up for it.
  duration retry = std::chrono::milliseconds(100);
  unsigned attempts = 10;

  /// How many events may wait for one handler; more, and the first ones are given up for it.
  std::size_t waiting = 10'000;

  /// Told what an operator should know, one line each; called from any thread.
  std::function<void(std::string_view line)> log = [](std::string_view) {};

  executor* background = &system_background();
  timers* timer = &system_timers();
  const clock* time = &system_clock();
};

/// Publishes the events of PostgreSQL's outbox on an event bus of this process.
class event_feed {
 public:
  /// Begins with what is committed from now on, or where `name` left off, and goes on by itself.
  /// Throws bad_options that names every problem of `options`.
  explicit event_feed(event_feed_options options);
  /// As `stop`.
  ~event_feed();
  event_feed(const event_feed&) = delete;
  event_feed& operator=(const event_feed&) = delete;

  /// Ends when the handlers that run have ended. Requires: not called by a handler.
  void stop();

  event_feed_stats stats() const;

 private:
  class worker;
  const std::shared_ptr<worker> worker_;
};

/// What publishes `event` when it is executed in a transaction, once that commits.
/// Requires: the outbox is installed. Errors of the statement: the outbox is full.
sql_query publication_of(const domain_event& event);

}  // namespace strata
