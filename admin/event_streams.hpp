#pragma once
/// Events as server-sent events (WHATWG HTML, §9.2) for every current listener of GET /cache/events.
/// Threads: internally locked.
///
///   : listening
///
///   data: {"type":"agent.updated","attributes":{"id":"agt_1"}}

#include <server/response.hpp>

#include <strata/events.hpp>

#include <memory>

namespace strata::admin {

class event_streams {
 public:
  static constexpr std::size_t most_listeners = 100;

  /// Streams every event of `from` from now on. Lifetime: `from` keeps its subscription until it ends.
  explicit event_streams(event_bus& from);

  /// The response to a new listener, or a 503 above `most_listeners`. A listener that is too slow is cut off;
  /// after it reconnects it has missed the events in between.
  server::response open();

 private:
  struct state;
  const std::shared_ptr<state> state_;
};

}  // namespace strata::admin
