#pragma once
/// A lane for each handler: it is called with one event after the other, and again with one that it threw
/// at, while the other lanes go on.
/// Threads: internally locked; handlers run on the executor.

#include "core/mutex.hpp"

#include <strata/event_feed.hpp>

#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>

namespace strata::relaying {

class event_lanes : public std::enable_shared_from_this<event_lanes> {
 public:
  /// Lifetime: what `with` names outlives `stop`.
  explicit event_lanes(const event_feed_options& with) : with_(with) {}

  /// Calls the handlers of `event` some time. `batch` is kept until they all have ended.
  void deliver(const std::shared_ptr<const domain_event>& event, const std::shared_ptr<const void>& batch);

  /// Ends when the handlers that run have ended; what waits is dropped.
  void stop();

  struct counts {
    std::uint64_t handled = 0;
    std::uint64_t retries = 0;
    std::uint64_t given_up = 0;
    std::uint64_t waiting = 0;
  };
  counts now() const;

 private:
  struct item {
    std::shared_ptr<const domain_event> event;
    std::shared_ptr<const void> batch;
  };
  struct lane {
    event_bus::handler call;
    std::deque<item> queue;
    bool runs = false;
  };

  task<> drain(lane& of);
  /// Returns what it threw; empty: it ended well.
  static task<std::string> call(lane& of, const domain_event& event);
  void give_up(const item& what);

  const event_feed_options& with_;
  const std::shared_ptr<async_latch> stop_ = std::make_shared<async_latch>();
  mutable std::mutex mutex_;
  std::condition_variable ended_;
  std::map<std::size_t, lane> lanes_;
  std::size_t running_ = 0;
  counts counts_;
};

}  // namespace strata::relaying
