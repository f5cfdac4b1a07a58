#pragma once
/// Events of the platform and what they invalidate: a bus, and rules as one readable table.
/// Threads: `event_bus` is internally locked; handlers run on the publisher's task.

#include <strata/cache.hpp>
#include <strata/error.hpp>
#include <strata/task.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace strata {

/// Something that happened and is committed: "agent.updated" with id, organization_id, version.
struct domain_event {
  std::string type;
  std::map<std::string, std::string> attributes;
};

/// Delivers events to handlers in this process, in the order of publishing.
/// A handler that throws is counted, reported, and does not stop the others.
class event_bus {
 public:
  using handler = std::function<task<>(const domain_event&)>;
  using failure_handler = std::function<void(const domain_event&, std::string_view what)>;

  /// `on_failure` is told of each handler that throws, and what. It must not throw itself.
  explicit event_bus(failure_handler on_failure = {});
  ~event_bus();

  /// Calls `on_event` for each event whose type is `type`; "agent.*" and "*" match more.
  void subscribe(std::string type, handler on_event);

  /// Delivers `happened` to every handler, one after the other, and ends when all have run.
  task<> publish(domain_event happened);

  /// The handlers that `publish` would call, in its order, each with a number that stays its own: for who
  /// delivers events that happened elsewhere, and has to know which handler has failed.
  std::vector<std::pair<std::size_t, handler>> handlers_of(std::string_view type) const;
  /// Counts a handler that threw, and reports it as `publish` does.
  void failed(const domain_event& event, std::string_view what);

  /// How many handlers have thrown so far.
  std::uint64_t failures() const noexcept;

 private:
  struct state;
  std::unique_ptr<state> state_;
};

/// What one kind of event makes invalid. Templates name the event's attributes:
/// `agent:{id}`, `api:agents:list:{organization_id}`.
struct invalidation_rule {
  std::string event;                       ///< as in `event_bus::subscribe`
  std::vector<std::string> keys = {};      ///< removed
  std::vector<std::string> prefixes = {};  ///< every key below, O(1)
  std::vector<std::string> tags = {};      ///< every key that carries it, O(1)
};

/// Applies `rules` to `target` for every event of `bus`. An attribute that a template names and
/// the event lacks invalidates the prefix before it (for a tag: everything): too much, never too
/// little.
/// Throws bad_options if a template is malformed.
/// Lifetime: both outlive the subscription, which lives as long as the bus.
void invalidate_on(event_bus& bus, cache& target, std::vector<invalidation_rule> rules);

}  // namespace strata
