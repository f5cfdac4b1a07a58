#include "redis/coherence/push_reader.hpp"

#include <random>
#include <utility>

namespace strata::redis {

/// Stands between the client's thread, which has work of ours, and a push_reader that ends.
struct push_reader::alive {
  detail::mutex mutex;
  push_reader* owner STRATA_GUARDED_BY(mutex) = nullptr;
};

std::string random_origin() {
  std::random_device entropy;
  return hex16(std::uint64_t{entropy()} << 32 | entropy());
}

push_reader::push_reader(hearer& by, std::string origin)
    : told_(by), origin_(std::move(origin)), alive_(std::make_shared<alive>()) {
  detail::scoped_lock lock(alive_->mutex);
  alive_->owner = this;
}

void push_reader::stop() {
  detail::scoped_lock lock(alive_->mutex);
  alive_->owner = nullptr;
}

void push_reader::later(executor& client_thread, std::move_only_function<void()> work) {
  detail::scoped_lock lock(mutex_);
  later_.push_back(std::move(work));
  if (later_.size() > 1) return;
  client_thread.post([self = alive_] {
    push_reader* owner = nullptr;
    {
      detail::scoped_lock held(self->mutex);
      owner = self->owner;
    }
    // It stays for as long as this runs: a client ends on its own thread, which is this one.
    if (owner != nullptr) owner->do_later();
  });
}

void push_reader::do_later() {
  std::vector<std::move_only_function<void()>> now;
  {
    detail::scoped_lock lock(mutex_);
    now.swap(later_);
  }
  for (auto& each : now) each();
}

void push_reader::filled(std::string_view key) {
  detail::scoped_lock lock(mutex_);
  echoes_.insert_or_assign(std::string(key), beats_);
}

void push_reader::beaten() {
  detail::scoped_lock lock(mutex_);
  std::erase_if(echoes_, [now = ++beats_](const auto& each) { return each.second + 2 < now; });
}

void push_reader::restart() {
  detail::scoped_lock lock(mutex_);
  echoes_.clear();
}

bool push_reader::is_flush(const resp::value& message) {
  const auto items = message.items();
  return items.size() == 2 && items[0].text() == "invalidate" && items[1].is_null();
}

void push_reader::pushed(executor& client_thread, resp::value message) {
  const auto items = message.items();
  if (items.size() == 2 && items[0].text() == "invalidate") {
    later(client_thread, [this, keys = std::move(message.items()[1])] { on_invalidated(keys); });
  } else if (items.size() == 3 && items[0].text() == "message") {
    later(client_thread, [this, text = std::move(message.items()[2]).take_text()] { on_message(text); });
  }
}

void push_reader::on_invalidated(const resp::value& keys) {
  if (keys.is_null()) {
    restart();
    told_.heard_loss(true);
    return;
  }
  std::vector<std::string_view> changed;
  {
    detail::scoped_lock lock(mutex_);
    for (const auto& each : keys.items()) {
      const auto key = each.text();
      if (is_beside(key)) continue;
      if (const auto echo = echoes_.find(key); echo != echoes_.end()) {
        echoes_.erase(echo);
      } else {
        changed.push_back(key);
      }
    }
  }
  for (const auto key : changed) told_.heard_change(key);
}

void push_reader::on_message(std::string_view text) {
  const auto heard = parse_news(text);
  if (!heard) {
    told_.heard_loss(false);  // of another version, perhaps: something was changed
  } else if (heard->origin != origin_) {
    hear(*heard);
  }
}

void push_reader::hear(const news& what) {
  if (const auto* keys = std::get_if<news::changed>(&what.what)) {
    for (const auto key : *keys) told_.heard_change(key);
  } else if (const auto* floors = std::get_if<news::floors>(&what.what)) {
    for (const auto& floor : *floors) told_.heard_floor(floor);
  } else if (const auto* cleared = std::get_if<news::cleared>(&what.what)) {
    told_.heard_clear(cleared->epoch);
  } else if (const auto* begun = std::get_if<news::new_epoch>(&what.what)) {
    told_.heard_epoch(begun->epoch);
  }
}

}  // namespace strata::redis
