#include "engine/gate.hpp"

namespace strata::detail {

gate::ticket::ticket(ticket&& other) noexcept
    : owner_(std::exchange(other.owner_, nullptr)),
      key_(std::move(other.key_)),
      led_(std::move(other.led_)),
      seen_(other.seen_),
      number_(other.number_) {
}

gate::ticket& gate::ticket::operator=(ticket&& other) noexcept {
  if (this != &other) {
    if (owner_ != nullptr) owner_->leave(*this);
    owner_ = std::exchange(other.owner_, nullptr);
    key_ = std::move(other.key_);
    led_ = std::move(other.led_);
    seen_ = other.seen_;
    number_ = other.number_;
  }
  return *this;
}

gate::ticket::~ticket() {
  if (owner_ != nullptr) owner_->leave(*this);
}

gate::joined gate::join(const key& where, time_point now) {
  auto& part = shard_of(where.text());
  std::lock_guard lock(part.mutex);
  auto& at = part.slots[where.text()];
  if (at.current != nullptr && !mutated(mutation::single_flight_off))
    return {.way = at.current, .lead = {}, .leads = false};
  at.current = std::make_shared<flight>(now);
  ++at.tickets;
  flights_.fetch_add(1, std::memory_order_relaxed);
  joined out{.way = at.current, .lead = ticket(*this, where.text(), at.current), .leads = true};
  out.lead.seen_ = at.changes;
  return out;
}

gate::ticket gate::enter(const key& where) {
  auto& part = shard_of(where.text());
  std::lock_guard lock(part.mutex);
  auto& at = part.slots[where.text()];
  ++at.tickets;
  ticket out(*this, where.text(), nullptr);
  out.seen_ = at.changes;
  out.number_ = ++at.last_writer;
  return out;
}

void gate::renew(ticket& held) {
  auto& part = shard_of(held.key_);
  std::lock_guard lock(part.mutex);
  held.seen_ = part.slots.find(held.key_)->second.changes;
}

bool gate::overtaken(const ticket& held, commit_time asof) {
  auto& part = shard_of(held.key_);
  std::lock_guard lock(part.mutex);
  auto& at = part.slots.find(held.key_)->second;
  const bool late = held.number_ < at.passed;
  at.passed = std::max(at.passed, held.number_);
  return late || asof < at.floor || at.changes != held.seen_;
}

void gate::pass(const ticket& held) {
  auto& part = shard_of(held.key_);
  std::lock_guard lock(part.mutex);
  auto& at = part.slots.find(held.key_)->second;
  at.passed = ++at.last_writer;
}

std::shared_ptr<async_latch> gate::next_change(const ticket& held) {
  auto& part = shard_of(held.key_);
  std::lock_guard lock(part.mutex);
  auto& at = part.slots.find(held.key_)->second;
  if (at.pushed == nullptr) at.pushed = std::make_shared<async_latch>();
  return at.pushed;
}

void gate::abandon(const key& where, const std::shared_ptr<flight>& way) {
  auto& part = shard_of(where.text());
  std::lock_guard lock(part.mutex);
  const auto at = part.slots.find(where.text());
  if (at != part.slots.end() && at->second.current == way) at->second.current.reset();
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

void gate::wake(std::string_view where) {
  std::shared_ptr<async_latch> pushed;
  {
    auto& part = shard_of(where);
    std::lock_guard lock(part.mutex);
    if (const auto at = part.slots.find(where); at != part.slots.end()) {
      pushed = std::exchange(at->second.pushed, nullptr);
    }
  }
  if (pushed != nullptr) pushed->set();
}

void gate::note_change_of_all() {
  std::vector<std::shared_ptr<async_latch>> woken;
  for (auto& part : shards_) {
    std::lock_guard lock(part.mutex);
    for (auto& [text, at] : part.slots) {
      if (auto pushed = change(at); pushed != nullptr) woken.push_back(std::move(pushed));
    }
  }
  for (const auto& each : woken) each->set();
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
