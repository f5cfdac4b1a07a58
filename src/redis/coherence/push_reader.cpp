#include "redis/coherence/push_reader.hpp"

#include <random>
#include <utility>

namespace strata::redis {

namespace {

bool is_invalidation(const resp::value& push) {
  return push.items().size() == 2 && push.items()[0].text() == "invalidate";
}

bool is_message(const resp::value& push) {
  return push.items().size() == 3 && push.items()[0].text() == "message";
}

struct event_list {
  std::vector<any_push_event> events;

  void operator()(const news::changed& keys) {
    // An empty key begins the replaced ones. Earlier releases ignore it.
    bool replaced = false;
    for (const auto key : keys) {
      if (key.empty()) {
        replaced = true;
      } else {
        events.emplace_back(push_event::key_changed{key, replaced});
      }
    }
  }
  void operator()(const news::floors& floors) {
    for (const auto& floor : floors) events.emplace_back(push_event::floor_raised{floor});
  }
  void operator()(const news::cleared& by) { events.emplace_back(push_event::cleared{by.epoch}); }
  void operator()(const news::new_epoch& begun) { events.emplace_back(push_event::epoch_begun{begun.epoch}); }
};

}  // namespace

std::string random_origin() {
  std::random_device entropy;
  return hex16(std::uint64_t{entropy()} << 32 | entropy());
}

void push_reader::filled(std::string_view key) {
  detail::scoped_lock lock(mutex_);
  echoes_.insert_or_assign(std::string(key), heartbeats_);
}

void push_reader::heartbeat_answered() {
  detail::scoped_lock lock(mutex_);
  const auto is_late = [answered = ++heartbeats_](const auto& each) { return each.second + 2 < answered; };
  std::erase_if(echoes_, is_late);
  std::erase_if(replaced_, is_late);
}

void push_reader::restart() {
  detail::scoped_lock lock(mutex_);
  echoes_.clear();
  replaced_.clear();
}

bool push_reader::is_flush(const resp::value& push) {
  return is_invalidation(push) && push.items()[1].is_null();
}

std::vector<any_push_event> push_reader::read(const resp::value& push) {
  if (is_invalidation(push)) return read_invalidation(push.items()[1]);
  if (is_message(push)) return read_message(push.items()[2].text());
  return {};
}

std::vector<any_push_event> push_reader::read_invalidation(const resp::value& keys) {
  if (keys.is_null()) {
    restart();
    return {push_event::flushed{}};
  }
  std::vector<any_push_event> out;
  detail::scoped_lock lock(mutex_);
  for (const auto& each : keys.items()) {
    const auto key = each.text();
    if (is_beside(key)) continue;
    const auto replaced = replaced_.find(key);
    const bool was_replaced = replaced != replaced_.end();
    if (was_replaced) replaced_.erase(replaced);
    if (const auto echo = echoes_.find(key); echo != echoes_.end()) {
      echoes_.erase(echo);
    } else {
      out.emplace_back(push_event::key_changed{key, was_replaced});
    }
  }
  return out;
}

std::vector<any_push_event> push_reader::read_message(std::string_view text) {
  const auto message = parse_news(text);
  if (!message) return {push_event::unreadable{}};
  event_list out;
  std::visit(out, message->what);
  detail::scoped_lock lock(mutex_);
  // Our own messages, too: Redis reports our own changes.
  for (const auto& each : out.events) {
    const auto* changed = std::get_if<push_event::key_changed>(&each);
    if (changed == nullptr) continue;
    if (changed->replaced) {
      replaced_.insert_or_assign(std::string(changed->key), heartbeats_);
    } else if (const auto before = replaced_.find(changed->key); before != replaced_.end()) {
      replaced_.erase(before);
    }
  }
  if (message->origin == origin_) return {};
  return std::move(out.events);
}

}  // namespace strata::redis
