#pragma once
/// A queue of events for each handler. A handler gets one event after another, and an event at which it threw
/// again, while the other queues continue.
/// Threads: internally locked; handlers run on the executor.

#include "core/mutex.hpp"

#include <strata/event_feed.hpp>

#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <optional>

namespace strata::relay_detail {

class subscriber_queues : public std::enable_shared_from_this<subscriber_queues> {
 public:
  /// Lifetime: what `with` names outlives `stop`.
  explicit subscriber_queues(const event_feed_options& with) : with_(with) {}

  /// Queues `event` for its handlers. `batch` is kept until all of them have ended.
  void deliver(const std::shared_ptr<const domain_event>& event, const std::shared_ptr<const void>& batch);

  /// Returns when the running handlers have ended; drops what waits.
  void stop();

  struct counts {
    std::uint64_t handled = 0;
    std::uint64_t retries = 0;
    std::uint64_t given_up = 0;
    std::uint64_t waiting = 0;
  };
  counts counters() const;

 private:
  struct item {
    std::shared_ptr<const domain_event> event;
    std::shared_ptr<const void> batch;
  };
  struct subscriber {
    event_bus::handler call;
    std::deque<item> queue;
    bool running = false;
  };

  task<> drain(subscriber& of);
  /// Returns what the handler threw; empty: nothing.
  static task<std::string> call(subscriber& of, const domain_event& event);
  /// The event that `of` gets next; none: it no longer runs.
  std::optional<item> first_of(subscriber& of);
  void remove_first(subscriber& of, bool gave_up);
  void count_retry();
  void give_up(const item& what);

  const event_feed_options& with_;
  const std::shared_ptr<async_latch> stop_ = std::make_shared<async_latch>();
  mutable detail::mutex mutex_;
  std::condition_variable ended_;
  std::map<std::size_t, subscriber> subscribers_ STRATA_GUARDED_BY(mutex_);
  std::size_t running_ STRATA_GUARDED_BY(mutex_) = 0;
  counts counts_ STRATA_GUARDED_BY(mutex_);
};

}  // namespace strata::relay_detail
