#include "relay/event_lanes.hpp"

#include "async/timed_wait.hpp"

#include <algorithm>
#include <utility>

namespace strata::relaying {

namespace {
constexpr duration longest_wait = std::chrono::minutes(1);
}

void event_lanes::deliver(const std::shared_ptr<const domain_event>& event,
                          const std::shared_ptr<const void>& batch) {
  std::vector<item> dropped;
  {
    const std::lock_guard lock(mutex_);
    if (stop_->is_set()) return;
    for (auto& [number, handler] : with_.to->handlers_of(event->type)) {
      auto& of = lanes_[number];
      if (!of.call) of.call = std::move(handler);
      of.queue.push_back({event, batch});
      ++counts_.waiting;
      if (of.queue.size() > with_.waiting && (!of.runs || of.queue.size() > 1)) {
        // The first may be with the handler now.
        const auto oldest = of.queue.begin() + (of.runs ? 1 : 0);
        dropped.push_back(std::move(*oldest));
        of.queue.erase(oldest);
        --counts_.waiting;
        ++counts_.given_up;
      }
      if (std::exchange(of.runs, true)) continue;
      ++running_;
      with_.background->post([self = shared_from_this(), &of] {
        start(self->with_.background, self->drain(of), [self](const completion<void>&) {
          const std::lock_guard ending(self->mutex_);
          --self->running_;
          self->ended_.notify_all();
        });
      });
    }
  }
  for (const auto& each : dropped) give_up(each);
}

task<std::string> event_lanes::call(lane& of, const domain_event& event) {
  try {
    co_await of.call(event);
    co_return std::string();
  } catch (const std::exception& thrown) {
    co_return *thrown.what() == '\0' ? std::string("an exception without words") : std::string(thrown.what());
  } catch (...) {
    co_return std::string("not a std::exception");
  }
}

task<> event_lanes::drain(lane& of) {
  for (;;) {
    item next;
    {
      const std::lock_guard lock(mutex_);
      if (of.queue.empty() || stop_->is_set()) {
        of.runs = false;
        co_return;
      }
      next = of.queue.front();
    }
    auto patience = with_.retry;
    bool done = false;
    bool gone = false;
    for (unsigned tries = 1; !stop_->is_set(); ++tries) {
      auto why = co_await call(of, *next.event);
      done = why.empty();
      if (done) break;
      with_.to->failed(*next.event, why);
      if (tries >= with_.attempts) {
        gone = done = true;
        give_up(next);
        break;
      }
      {
        const std::lock_guard lock(mutex_);
        ++counts_.retries;
      }
      co_await detail::timed_wait(stop_, *with_.timer, with_.time->now() + patience);
      patience = std::min(2 * patience, longest_wait);
    }
    if (!done) continue;  // it stops
    const std::lock_guard lock(mutex_);
    of.queue.pop_front();
    --counts_.waiting;
    ++(gone ? counts_.given_up : counts_.handled);
  }
}

void event_lanes::give_up(const item& what) {
  with_.log("events: " + what.event->type + " was given up for a handler that does not get on with it");
}

void event_lanes::stop() {
  stop_->set();
  std::unique_lock lock(mutex_);
  ended_.wait(lock, [&] { return running_ == 0; });
}

event_lanes::counts event_lanes::now() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

}  // namespace strata::relaying
