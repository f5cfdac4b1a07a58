#pragma once
/// Lets guests in until it is closed, and waits then for those that are inside.
/// Threads: any.

#include <atomic>
#include <cstdint>
#include <utility>

namespace strata::detail {

class door {
 public:
  door() = default;
  door(const door&) = delete;
  door& operator=(const door&) = delete;

  /// Inside from construction to destruction, if it is true; else the door was closed.
  class guest {
   public:
    explicit guest(door& at) noexcept : at_(at.enter() ? &at : nullptr) {}
    guest(guest&& other) noexcept : at_(std::exchange(other.at_, nullptr)) {}
    guest& operator=(guest&&) = delete;
    ~guest() {
      if (at_ != nullptr) at_->leave();
    }
    explicit operator bool() const noexcept { return at_ != nullptr; }

   private:
    door* at_;
  };

  /// Nobody enters from then on; returns when nobody is inside. Idempotent.
  void close() noexcept {
    auto now = state_.fetch_or(closed) | closed;
    while (now != closed) {
      state_.wait(now);
      now = state_.load();
    }
  }

 private:
  static constexpr std::uint64_t closed = 1;
  static constexpr std::uint64_t one = 2;  ///< inside

  bool enter() noexcept {
    if ((state_.fetch_add(one) & closed) == 0) return true;
    leave();
    return false;
  }
  void leave() noexcept {
    if (state_.fetch_sub(one) == (one | closed)) state_.notify_all();
  }

  std::atomic<std::uint64_t> state_ = 0;
};

}  // namespace strata::detail
