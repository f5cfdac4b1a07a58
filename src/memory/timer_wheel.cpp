#include "memory/timer_wheel.hpp"

#include <algorithm>

namespace strata::memory {

namespace {

/// A list's first cell says which slot it heads, marked by this bit, in place of a predecessor.
constexpr handle head_mark = 0x8000'0000;

}  // namespace

void timer_wheel::start(std::int64_t now) noexcept {
  if (started_) return;
  started_ = true;
  tick_ = tick_of(now);
}

void timer_wheel::add(handle at) noexcept {
  if ((*pool_)[at].drop_at != node::never) place(at);
}

void timer_wheel::place(handle at) noexcept {
  // One tick later than the tick it ends in: when that slot is reached, all of it is past.
  constexpr std::uint64_t span = std::uint64_t{1} << (slot_bits * levels);
  const std::uint64_t due = std::clamp(due_tick(at), tick_, tick_ + span - 1);
  unsigned level = 0;
  while (level + 1 < levels && due - tick_ >= std::uint64_t{1} << (slot_bits * (level + 1))) ++level;
  const auto within = static_cast<unsigned>(due >> (slot_bits * level)) % slots;
  const unsigned slot = level * slots + within;
  auto& n = pool_->links(at);
  n.timer_prev = head_mark | slot;
  n.timer_next = heads_[slot];
  if (heads_[slot] != 0) {
    pool_->links(heads_[slot]).timer_prev = at;
  } else {
    occupied_[level] |= std::uint64_t{1} << within;
  }
  heads_[slot] = at;
}

std::uint64_t timer_wheel::due_tick(handle at) const noexcept {
  return tick_of((*pool_)[at].drop_at) + 1;
}

void timer_wheel::remove(handle at) noexcept {
  if ((*pool_)[at].drop_at == node::never) return;
  const auto& n = pool_->links(at);
  if (n.timer_next != 0) pool_->links(n.timer_next).timer_prev = n.timer_prev;
  if ((n.timer_prev & head_mark) == 0) {
    pool_->links(n.timer_prev).timer_next = n.timer_next;
    return;
  }
  const unsigned slot = n.timer_prev & ~head_mark;
  heads_[slot] = n.timer_next;
  if (heads_[slot] == 0) occupied_[slot / slots] &= ~(std::uint64_t{1} << (slot % slots));
}

void timer_wheel::moved(handle from, handle to) noexcept {
  if ((*pool_)[to].drop_at == node::never) return;
  const auto& n = pool_->links(to);
  if (n.timer_next != 0) pool_->links(n.timer_next).timer_prev = to;
  if ((n.timer_prev & head_mark) == 0) {
    pool_->links(n.timer_prev).timer_next = to;
  } else if (heads_[n.timer_prev & ~head_mark] == from) {
    heads_[n.timer_prev & ~head_mark] = to;
  }
}

handle timer_wheel::advance(std::int64_t now, unsigned& budget) noexcept {
  if (!started_) return 0;
  const std::uint64_t target = tick_of(now);
  while (tick_ <= target) {
    if (!cascade(budget)) return 0;
    if (const handle due = heads_[tick_ % slots]; due != 0) {
      if (budget == 0) return 0;
      --budget;
      remove(due);
      if (due_tick(due) <= tick_) return due;
      place(due);  // its end has been put off
      continue;
    }
    step(target);
  }
  return 0;
}

/// Spreads the slots that begin at tick_ over the levels below. False: `budget` ran out.
bool timer_wheel::cascade(unsigned& budget) noexcept {
  for (unsigned level = levels - 1; level > 0; --level) {
    if (tick_ % (std::uint64_t{1} << (slot_bits * level)) != 0) continue;
    const auto within = static_cast<unsigned>(tick_ >> (slot_bits * level)) % slots;
    while (const handle at = heads_[level * slots + within]) {
      if (budget == 0) return false;
      --budget;
      remove(at);
      place(at);
    }
  }
  return true;
}

/// Moves to the next tick at which there is something to do, at most one past `target`.
void timer_wheel::step(std::uint64_t target) noexcept {
  std::uint64_t next = target + 1;
  for (unsigned level = 0; level < levels; ++level) {
    const unsigned shift = slot_bits * level;
    if (occupied_[level] != 0) {
      // The first occupied slot after this one, as a distance in slots of this level.
      const auto within = static_cast<int>((tick_ >> shift) % slots);
      const int ahead =
          std::countr_zero(std::rotr(occupied_[level], (within + 1) % static_cast<int>(slots))) + 1;
      const std::uint64_t at = ((tick_ >> shift) + static_cast<std::uint64_t>(ahead)) << shift;
      next = std::min(next, at);
    }
  }
  tick_ = next;
}

void timer_wheel::clear() noexcept {
  heads_.fill(0);
  occupied_.fill(0);
}

}  // namespace strata::memory
