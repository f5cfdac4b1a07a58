#pragma once
/// Finds the entries that have expired: a hierarchical timer wheel (Varghese & Lauck 1987).
/// Threads: one strand (a shard's lock).
///
/// Five levels of 64 slots; a slot of level 0 is 2^27 ns (0.13 s) wide, each level 64 times the
/// one below, 4.6 years in all. A slot is a list through the entries' cells. Time moves only in
/// `advance`, which does a bounded number of steps and goes on where it stopped: being late costs
/// memory, never a wrong answer, because every read compares drop_at itself.

#include "memory/node.hpp"

#include <array>

namespace strata::memory {

class timer_wheel {
 public:
  explicit timer_wheel(node_pool& pool) : pool_(&pool) {}

  /// Starts time. Before the first `add`; again has no effect.
  void start(std::int64_t now) noexcept;

  /// Whether there is anything to do at `now`: to start, or a tick to pass. Reads one number, which
  /// changes once a tick.
  bool due(std::int64_t now) const noexcept { return tick_ <= tick_of(now); }

  /// Requires: started; `at` is not in the wheel. An entry that never ends is not kept.
  void add(handle at) noexcept;

  /// The end of an entry may be put off while it is here; nothing else may be done to it.
  static constexpr bool may_become(std::int64_t drop_at, std::int64_t later) noexcept {
    return drop_at == later || (drop_at < later && later != node::never);
  }

  /// Requires: its drop_at is as when it was added, or was put off as allowed above.
  void remove(handle at) noexcept;

  /// The cell now at `to` was at `from`.
  void moved(handle from, handle to) noexcept;

  /// Takes out and returns an entry past its time at `now`, or 0 if there is none or `budget`
  /// steps are used up; takes the steps from `budget`. The entry is no longer in the wheel.
  handle advance(std::int64_t now, unsigned& budget) noexcept;

  void clear() noexcept;

 private:
  static constexpr unsigned levels = 5;
  static constexpr unsigned slot_bits = 6;
  static constexpr unsigned slots = 1u << slot_bits;
  static constexpr unsigned tick_shift = 27;

  static std::uint64_t tick_of(std::int64_t time) noexcept {
    return time <= 0 ? 0 : static_cast<std::uint64_t>(time) >> tick_shift;
  }

  void place(handle at) noexcept;
  std::uint64_t due_tick(handle at) const noexcept;
  bool cascade(unsigned& budget) noexcept;
  void step(std::uint64_t target) noexcept;

  node_pool* pool_;
  bool started_ = false;
  std::uint64_t tick_ = 0;  ///< every tick before it is done
  std::array<std::uint64_t, levels> occupied_{};
  std::array<handle, std::size_t{levels} * slots> heads_{};
};

}  // namespace strata::memory
