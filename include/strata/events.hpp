#pragma once
/// A bus for the events of an application, and rules for what each event invalidates.
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
/// A handler that throws is counted and reported, and does not stop the others.
class event_bus {
 public:
  using handler = std::function<task<>(const domain_event&)>;
  using failure_handler = std::function<void(const domain_event&, std::string_view what)>;

  /// `on_failure` is called for each handler that throws, with the text of the exception. It must not throw.
  explicit event_bus(failure_handler on_failure = {});
  ~event_bus();

  /// Calls `on_event` for each event whose type is `type`; "agent.*" and "*" match more.
  void subscribe(std::string type, handler on_event);

  /// Delivers `event` to every handler, one after another, and ends when all have run.
  task<> publish(domain_event event);

  /// The handlers that `publish` would call, in its order, each with its permanent number. For deliverers of
  /// events from elsewhere, which must know the handler that failed.
  std::vector<std::pair<std::size_t, handler>> handlers_of(std::string_view type) const;
  /// Counts and reports a handler that threw, as `publish` does.
  void report_failure(const domain_event& event, std::string_view what);

  /// How many handlers have thrown so far.
  std::uint64_t failures() const noexcept;

 private:
  struct state;
  std::unique_ptr<state> state_;
};

/// What one kind of event invalidates. Patterns name the event's attributes:
/// `agent:{id}`, `api:agents:list:{organization_id}`.
struct invalidation_rule {
  std::string event;                       ///< as in `event_bus::subscribe`
  std::vector<std::string> keys = {};      ///< removed
  std::vector<std::string> prefixes = {};  ///< every key below, O(1)
  std::vector<std::string> tags = {};      ///< every key that carries it, O(1)
};

/// Applies `rules` to `target` for every event of `bus`. If the event lacks an attribute that a pattern
/// names, the prefix before it is invalidated (for a tag: everything): too much, never too little. Throws
/// bad_options if a pattern is malformed. Lifetime: `target` outlives the bus, which keeps the rules.
void invalidate_on(event_bus& bus, cache& target, std::vector<invalidation_rule> rules);

}  // namespace strata
