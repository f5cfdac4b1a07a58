#include "core/mutex.hpp"

#include <strata/events.hpp>
#include <strata/testing.hpp>

namespace strata::testing {

struct recording_bus::record {
  detail::mutex mutex;
  std::vector<domain_event> events STRATA_GUARDED_BY(mutex);
};

recording_bus::recording_bus(event_bus& bus, std::string type) : record_(std::make_shared<record>()) {
  // The bus keeps its handlers, so the record lives as long as the bus.
  bus.subscribe(std::move(type), [held = record_](const domain_event& happened) -> task<> {
    detail::scoped_lock lock(held->mutex);
    held->events.push_back(happened);
    co_return;
  });
}

recording_bus::~recording_bus() = default;

std::vector<domain_event> recording_bus::events() const {
  detail::scoped_lock lock(record_->mutex);
  return record_->events;
}

std::vector<domain_event> recording_bus::events(std::string_view type) const {
  auto found = events();
  std::erase_if(found, [&](const domain_event& each) { return each.type != type; });
  return found;
}

void recording_bus::clear() {
  detail::scoped_lock lock(record_->mutex);
  record_->events.clear();
}

}  // namespace strata::testing
