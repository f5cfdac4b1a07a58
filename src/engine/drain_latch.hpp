#pragma once
/// Admits guests until it is closed; closing waits for the guests that are inside.
/// Threads: any.

#include <atomic>
#include <cstdint>
#include <utility>

namespace strata::detail {

class drain_latch {
 public:
  drain_latch() = default;
  drain_latch(const drain_latch&) = delete;
  drain_latch& operator=(const drain_latch&) = delete;

  /// Inside from construction to destruction. Converts to false if the latch was closed already.
  class guest {
   public:
    explicit guest(drain_latch& latch) noexcept : latch_(latch.enter() ? &latch : nullptr) {}
    guest(guest&& other) noexcept : latch_(std::exchange(other.latch_, nullptr)) {}
    guest& operator=(guest&&) = delete;
    ~guest() {
      if (latch_ != nullptr) latch_->leave();
    }
    explicit operator bool() const noexcept { return latch_ != nullptr; }

   private:
    drain_latch* latch_;
  };

  /// Refuses further guests and returns when none is inside. Idempotent.
  void close() noexcept {
    auto seen = state_.fetch_or(closed) | closed;
    while (seen != closed) {
      state_.wait(seen);
      seen = state_.load();
    }
  }

 private:
  static constexpr std::uint64_t closed = 1;
  static constexpr std::uint64_t one_inside = 2;

  bool enter() noexcept {
    if ((state_.fetch_add(one_inside) & closed) == 0) return true;
    leave();
    return false;
  }
  void leave() noexcept {
    if (state_.fetch_sub(one_inside) == (one_inside | closed)) state_.notify_all();
  }

  std::atomic<std::uint64_t> state_ = 0;
};

}  // namespace strata::detail
