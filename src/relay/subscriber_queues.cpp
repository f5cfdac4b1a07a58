#include "relay/subscriber_queues.hpp"

#include "async/timed_wait.hpp"

#include <algorithm>
#include <utility>

namespace strata::relay_detail {

namespace {
constexpr duration longest_retry_delay = std::chrono::minutes(1);
}

void subscriber_queues::deliver(const std::shared_ptr<const domain_event>& event,
                                const std::shared_ptr<const void>& batch) {
  std::vector<item> dropped;
  {
    const detail::scoped_lock lock(mutex_);
    if (stop_->is_set()) return;
    for (auto& [number, handler] : with_.to->handlers_of(event->type)) {
      auto& of = subscribers_[number];
      if (!of.call) of.call = std::move(handler);
      of.queue.push_back({event, batch});
      ++counts_.waiting;
      if (of.queue.size() > with_.waiting && (!of.running || of.queue.size() > 1)) {
        // The handler may be working on the first one now.
        const auto oldest = of.queue.begin() + (of.running ? 1 : 0);
        dropped.push_back(std::move(*oldest));
        of.queue.erase(oldest);
        --counts_.waiting;
        ++counts_.given_up;
      }
      if (std::exchange(of.running, true)) continue;
      ++running_;
      with_.background->post([self = shared_from_this(), &of] {
        start(self->with_.background, self->drain(of), [self](const completion<void>&) {
          const detail::scoped_lock ending(self->mutex_);
          --self->running_;
          self->ended_.notify_all();
        });
      });
    }
  }
  for (const auto& each : dropped) give_up(each);
}

task<std::string> subscriber_queues::call(subscriber& of, const domain_event& event) {
  try {
    co_await of.call(event);
    co_return std::string();
  } catch (const std::exception& thrown) {
    co_return *thrown.what() == '\0' ? std::string("an exception without text") : std::string(thrown.what());
  } catch (...) {
    co_return std::string("not a std::exception");
  }
}

std::optional<subscriber_queues::item> subscriber_queues::first_of(subscriber& of) {
  const detail::scoped_lock lock(mutex_);
  if (!of.queue.empty() && !stop_->is_set()) return of.queue.front();
  of.running = false;
  return std::nullopt;
}

task<> subscriber_queues::drain(subscriber& of) {
  while (const auto next = first_of(of)) {
    auto delay = with_.retry;
    bool done = false;
    bool gave_up = false;
    for (unsigned tries = 1; !stop_->is_set(); ++tries) {
      auto why = co_await call(of, *next->event);
      done = why.empty();
      if (done) break;
      with_.to->report_failure(*next->event, why);
      if (tries >= with_.attempts) {
        gave_up = done = true;
        give_up(*next);
        break;
      }
      count_retry();
      co_await detail::timed_wait(stop_, *with_.timer, with_.time->now() + delay);
      delay = std::min(2 * delay, longest_retry_delay);
    }
    if (done) remove_first(of, gave_up);  // else the feed stops
  }
}

void subscriber_queues::count_retry() {
  const detail::scoped_lock lock(mutex_);
  ++counts_.retries;
}

void subscriber_queues::remove_first(subscriber& of, bool gave_up) {
  const detail::scoped_lock lock(mutex_);
  of.queue.pop_front();
  --counts_.waiting;
  ++(gave_up ? counts_.given_up : counts_.handled);
}

void subscriber_queues::give_up(const item& what) {
  with_.log(log_level::warning,
            "events: gave up " + what.event->type + " for a handler: it failed too often or is too slow");
}

void subscriber_queues::stop() {
  stop_->set();
  detail::scoped_lock lock(mutex_);
  while (running_ != 0) lock.wait(ended_);
}

subscriber_queues::counts subscriber_queues::counters() const {
  const detail::scoped_lock lock(mutex_);
  return counts_;
}

}  // namespace strata::relay_detail
