#include "engine/fill_admission.hpp"

namespace strata::detail {

fill_admission::ticket::ticket(ticket&& other) noexcept
    : owner_(std::exchange(other.owner_, nullptr)),
      key_(std::move(other.key_)),
      led_(std::move(other.led_)),
      seen_changes_(other.seen_changes_),
      writer_(other.writer_),
      read_(other.read_) {
}

fill_admission::ticket& fill_admission::ticket::operator=(ticket&& other) noexcept {
  if (this != &other) {
    if (owner_ != nullptr) owner_->leave(*this);
    owner_ = std::exchange(other.owner_, nullptr);
    key_ = std::move(other.key_);
    led_ = std::move(other.led_);
    seen_changes_ = other.seen_changes_;
    writer_ = other.writer_;
    read_ = other.read_;
  }
  return *this;
}

fill_admission::ticket::~ticket() {
  if (owner_ != nullptr) owner_->leave(*this);
}

fill_admission::joined fill_admission::join(const key& key, time_point now) {
  auto& part = shard_of(key.text());
  const scoped_lock lock(part.mutex);
  auto& at = part.slots[key.text()];
  if (at.current != nullptr && !mutated(mutation::single_flight_off)) {
    return {.to = at.current, .lead = {}, .leads = false};
  }
  return lead(at, key, now);
}

fill_admission::joined fill_admission::join_refresh(const key& key, time_point now) {
  auto& part = shard_of(key.text());
  const scoped_lock lock(part.mutex);
  auto& at = part.slots[key.text()];
  auto before = at.current;
  const bool refreshes = before != nullptr && before->refreshes;
  if (refreshes && !before->reads_source) return {.to = std::move(before), .lead = {}, .leads = false};
  auto out = lead(at, key, now);
  out.to->refreshes = true;
  if (refreshes) out.after = std::move(before);
  return out;
}

fill_admission::joined fill_admission::lead(slot& at, const key& key, time_point now) {
  at.current = std::make_shared<flight>(now);
  ++at.tickets;
  flights_.fetch_add(1, std::memory_order_relaxed);
  joined out{.to = at.current, .lead = ticket(*this, key.text(), at.current), .leads = true};
  out.lead.seen_changes_ = at.changes;
  out.lead.read_ = next_read();
  return out;
}

fill_admission::ticket fill_admission::enter(const key& key) {
  auto& part = shard_of(key.text());
  const scoped_lock lock(part.mutex);
  auto& at = part.slots[key.text()];
  ++at.tickets;
  ticket out(*this, key.text(), nullptr);
  out.seen_changes_ = at.changes;
  out.writer_ = ++at.last_writer;
  out.read_ = next_read();
  return out;
}

void fill_admission::renew(ticket& held) {
  auto& part = shard_of(held.key_);
  const scoped_lock lock(part.mutex);
  held.seen_changes_ = part.slots.find(held.key_)->second.changes;
  held.read_ = next_read();
}

bool fill_admission::overtaken(const ticket& held, commit_time asof) {
  auto& part = shard_of(held.key_);
  const scoped_lock lock(part.mutex);
  auto& at = part.slots.find(held.key_)->second;
  const bool late = held.writer_ < at.last_leased;
  at.last_leased = std::max(at.last_leased, held.writer_);
  return late || asof < at.floor || at.changes != held.seen_changes_;
}

void fill_admission::lead_writers(const ticket& held) {
  auto& part = shard_of(held.key_);
  const scoped_lock lock(part.mutex);
  auto& at = part.slots.find(held.key_)->second;
  at.last_leased = ++at.last_writer;
}

std::shared_ptr<async_latch> fill_admission::next_change(const ticket& held) {
  auto& part = shard_of(held.key_);
  const scoped_lock lock(part.mutex);
  auto& at = part.slots.find(held.key_)->second;
  if (at.next_change == nullptr) at.next_change = std::make_shared<async_latch>();
  return at.next_change;
}

void fill_admission::detach_older(const key& key, const flight* reader) {
  auto& part = shard_of(key.text());
  const scoped_lock lock(part.mutex);
  const auto at = part.slots.find(key.text());
  if (at == part.slots.end() || at->second.current == nullptr) return;
  if (at->second.current.get() != reader && at->second.current->reads_source) at->second.current.reset();
}

void fill_admission::abandon(const key& key, const std::shared_ptr<flight>& flight) {
  auto& part = shard_of(key.text());
  const scoped_lock lock(part.mutex);
  const auto at = part.slots.find(key.text());
  if (at != part.slots.end() && at->second.current == flight) at->second.current.reset();
}

void fill_admission::land(const joined& flight, any_lookup outcome, bool usable, time_point good_until) {
  flight.to->outcome = std::move(outcome);
  flight.to->usable = usable;
  flight.to->good_until = good_until;
  land(flight.lead);
}

void fill_admission::land(const ticket& held) {
  {
    auto& part = shard_of(held.key_);
    const scoped_lock lock(part.mutex);
    auto& at = part.slots.find(held.key_)->second;
    if (at.current == held.led_) at.current.reset();
  }
  held.led_->done.set();
}

void fill_admission::leave(const ticket& held) noexcept {
  // A leader that leaves without landing (its task was dropped) wakes its followers to try again.
  if (held.led_ != nullptr) {
    land(held);
    flights_.fetch_sub(1, std::memory_order_relaxed);
  }
  auto& part = shard_of(held.key_);
  const scoped_lock lock(part.mutex);
  const auto at = part.slots.find(held.key_);
  if (--at->second.tickets == 0) part.slots.erase(at);
}

void fill_admission::wake(std::string_view key) {
  std::shared_ptr<async_latch> waiting;
  {
    auto& part = shard_of(key);
    const scoped_lock lock(part.mutex);
    if (const auto at = part.slots.find(key); at != part.slots.end()) {
      waiting = std::exchange(at->second.next_change, nullptr);
    }
  }
  if (waiting != nullptr) waiting->set();
}

void fill_admission::note_change_of_all() {
  std::vector<std::shared_ptr<async_latch>> woken;
  for (auto& part : shards_) {
    const scoped_lock lock(part.mutex);
    for (auto& [text, at] : part.slots) {
      if (auto waiting = change(at); waiting != nullptr) woken.push_back(std::move(waiting));
    }
  }
  for (const auto& each : woken) each->set();
}

void fill_admission::invalidate_if(const std::function<bool(std::string_view)>& matches, commit_time floor) {
  for (auto& part : shards_) {
    const scoped_lock lock(part.mutex);
    for (auto& [text, at] : part.slots) {
      if (matches(text)) fence(at, floor);
    }
  }
}

bool fill_admission::in_flight(std::string_view key) const {
  auto& part = shard_of(key);
  const scoped_lock lock(part.mutex);
  const auto at = part.slots.find(key);
  return at != part.slots.end() && at->second.current != nullptr;
}

}  // namespace strata::detail
