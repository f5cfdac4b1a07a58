#include "admin/event_streams.hpp"

#include "admin/bodies.hpp"
#include "core/mutex.hpp"
#include "server/body_stream.hpp"

#include <utility>
#include <vector>

namespace strata::admin {

struct event_streams::state {
  void publish(const domain_event& event) {
    const auto text = "data: " + json::text_of(admin_event{event.type, event.attributes}) + "\n\n";
    const detail::scoped_lock lock(mutex);
    std::erase_if(listeners, [&](const std::weak_ptr<server::body_stream>& each) {
      const auto listener = each.lock();
      return listener == nullptr || !listener->send(text);
    });
  }

  detail::mutex mutex;
  std::vector<std::weak_ptr<server::body_stream>> listeners STRATA_GUARDED_BY(mutex);
};

event_streams::event_streams(event_bus& from) : state_(std::make_shared<state>()) {
  from.subscribe("*", [state = state_](const domain_event& event) -> task<> {
    state->publish(event);
    co_return;
  });
}

server::response event_streams::open() {
  const detail::scoped_lock lock(state_->mutex);
  std::erase_if(state_->listeners, [](const auto& each) { return each.expired(); });
  if (state_->listeners.size() >= most_listeners)
    return server::problem(503, "too many clients listen to events already");
  server::response answer;
  answer.content_type = "text/event-stream";
  answer.stream = std::make_shared<server::body_stream>(": still here\n\n");
  answer.stream->send(": listening\n\n");
  state_->listeners.push_back(answer.stream);
  return answer;
}

}  // namespace strata::admin
