#include <strata/events.hpp>

#include "core/mutex.hpp"

#include <atomic>
#include <utility>

namespace strata {

namespace {

bool matches(std::string_view subscribed, std::string_view type) {
  if (subscribed == "*") return true;
  if (subscribed.ends_with(".*")) return type.starts_with(subscribed.substr(0, subscribed.size() - 1));
  return subscribed == type;
}

}  // namespace

struct event_bus::state {
  struct subscription {
    std::string type;
    handler on_event;
  };
  using list = std::vector<subscription>;

  // Publishing reads a snapshot: a handler may subscribe, and no lock is held while a handler runs.
  std::shared_ptr<const list> snapshot() const {
    const detail::scoped_lock lock(mutex);
    return subscriptions;
  }

  mutable detail::mutex mutex;
  std::shared_ptr<const list> subscriptions STRATA_GUARDED_BY(mutex) = std::make_shared<const list>();
  failure_handler on_failure;
  std::atomic<std::uint64_t> failures{0};
};

event_bus::event_bus(failure_handler on_failure) : state_(std::make_unique<state>()) {
  state_->on_failure = std::move(on_failure);
}

event_bus::~event_bus() = default;

void event_bus::subscribe(std::string type, handler on_event) {
  const detail::scoped_lock lock(state_->mutex);
  auto extended = std::make_shared<state::list>(*state_->subscriptions);
  extended->push_back({std::move(type), std::move(on_event)});
  state_->subscriptions = std::move(extended);
}

task<> event_bus::publish(domain_event event) {
  const auto subscriptions = state_->snapshot();
  for (const auto& each : *subscriptions) {
    if (!matches(each.type, event.type)) continue;
    std::string what;
    try {
      co_await each.on_event(event);
      continue;
    } catch (const std::exception& thrown) {
      what = thrown.what();
    } catch (...) {
      what = "not a std::exception";
    }
    report_failure(event, what);
  }
}

std::vector<std::pair<std::size_t, event_bus::handler>> event_bus::handlers_of(std::string_view type) const {
  const auto subscriptions = state_->snapshot();
  std::vector<std::pair<std::size_t, handler>> out;
  for (std::size_t i = 0; i < subscriptions->size(); ++i) {
    const auto& each = (*subscriptions)[i];
    if (matches(each.type, type)) out.emplace_back(i, each.on_event);
  }
  return out;
}

void event_bus::report_failure(const domain_event& event, std::string_view what) {
  state_->failures.fetch_add(1, std::memory_order_relaxed);
  if (state_->on_failure) state_->on_failure(event, what);
}

std::uint64_t event_bus::failures() const noexcept {
  return state_->failures.load(std::memory_order_relaxed);
}

}  // namespace strata
