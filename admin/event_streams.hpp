#pragma once
/// Events as server-sent events (WHATWG HTML, §9.2), to everybody who listens now: GET /cache/events.
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

  /// Streams every event of `from` from now on. Lifetime: that of `from`, of which there is no way to
  /// unsubscribe.
  explicit event_streams(event_bus& from);

  /// The answer to somebody who wants to listen, or a 503 if too many do. Who is too slow is cut off; who was
  /// away has missed what happened meanwhile.
  server::response open();

 private:
  struct state;
  const std::shared_ptr<state> state_;
};

}  // namespace strata::admin
