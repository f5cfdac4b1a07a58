#include "admin/event_streams.hpp"

#include "admin/bodies.hpp"

#include <mutex>
#include <utility>
#include <vector>

namespace strata::admin {

struct event_streams::state {
  void tell(const domain_event& happened) {
    const auto text = "data: " + json::text_of(admin_event{happened.type, happened.attributes}) + "\n\n";
    const std::lock_guard lock(mutex);
    std::erase_if(listeners, [&](const std::weak_ptr<server::body_stream>& each) {
      const auto listens = each.lock();
      return listens == nullptr || !listens->send(text);
    });
  }

  std::mutex mutex;
  std::vector<std::weak_ptr<server::body_stream>> listeners;
};

event_streams::event_streams(event_bus& from) : state_(std::make_shared<state>()) {
  from.subscribe("*", [state = state_](const domain_event& happened) -> task<> {
    state->tell(happened);
    co_return;
  });
}

server::response event_streams::open() {
  const std::lock_guard lock(state_->mutex);
  std::erase_if(state_->listeners, [](const auto& each) { return each.expired(); });
  if (state_->listeners.size() >= most_listeners)
    return server::problem(503, "too many listen to events already");
  server::response answer;
  answer.content_type = "text/event-stream";
  answer.stream = std::make_shared<server::body_stream>(": still here\n\n");
  answer.stream->send(": listening\n\n");
  state_->listeners.push_back(answer.stream);
  return answer;
}

}  // namespace strata::admin
