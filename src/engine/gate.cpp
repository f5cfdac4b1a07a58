#include "engine/gate.hpp"

namespace strata::detail {

gate::ticket::ticket(ticket&& other) noexcept
    : owner_(std::exchange(other.owner_, nullptr)), key_(std::move(other.key_)), led_(std::move(other.led_)) {
}

gate::ticket& gate::ticket::operator=(ticket&& other) noexcept {
  if (this != &other) {
    if (owner_ != nullptr) owner_->leave(*this);
    owner_ = std::exchange(other.owner_, nullptr);
    key_ = std::move(other.key_);
    led_ = std::move(other.led_);
  }
  return *this;
}

gate::ticket::~ticket() {
  if (owner_ != nullptr) owner_->leave(*this);
}

gate::joined gate::join(const key& where) {
  auto& part = shard_of(where.text());
  std::lock_guard lock(part.mutex);
  auto& at = part.slots[where.text()];
  if (at.current != nullptr) return {.way = at.current, .lead = {}, .leads = false};
  at.current = std::make_shared<flight>();
  ++at.tickets;
  flights_.fetch_add(1, std::memory_order_relaxed);
  return {.way = at.current, .lead = ticket(*this, where.text(), at.current), .leads = true};
}

gate::ticket gate::enter(const key& where) {
  auto& part = shard_of(where.text());
  std::lock_guard lock(part.mutex);
  ++part.slots[where.text()].tickets;
  return ticket(*this, where.text(), nullptr);
}

void gate::land(const ticket& held) {
  {
    auto& part = shard_of(held.key_);
    std::lock_guard lock(part.mutex);
    auto& at = part.slots.find(held.key_)->second;
    if (at.current == held.led_) at.current.reset();
  }
  held.led_->done.set();
}

void gate::leave(const ticket& held) noexcept {
  // A leader that goes without landing (its task was dropped) wakes its followers to try again.
  if (held.led_ != nullptr) {
    land(held);
    flights_.fetch_sub(1, std::memory_order_relaxed);
  }
  auto& part = shard_of(held.key_);
  std::lock_guard lock(part.mutex);
  const auto at = part.slots.find(held.key_);
  if (--at->second.tickets == 0) part.slots.erase(at);
}

void gate::close_all() {
  for (auto& part : shards_) {
    std::lock_guard lock(part.mutex);
    for (auto& [text, at] : part.slots) {
      at.closed = true;
      at.current.reset();
    }
  }
}

void gate::invalidate_if(const std::function<bool(std::string_view)>& matches, commit_time floor) {
  for (auto& part : shards_) {
    std::lock_guard lock(part.mutex);
    for (auto& [text, at] : part.slots) {
      if (matches(text)) fence(at, floor);
    }
  }
}

bool gate::in_flight(std::string_view where) const {
  auto& part = shards_[hash_of(where) >> 58];
  std::lock_guard lock(part.mutex);
  const auto at = part.slots.find(where);
  return at != part.slots.end() && at->second.current != nullptr;
}

}  // namespace strata::detail
