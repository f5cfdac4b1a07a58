#pragma once
/// The memory of all bodies that a server receives at one time.
/// Threads: any; one atomic.

#include <atomic>
#include <cstddef>

namespace strata::server {

class body_budget {
 public:
  explicit body_budget(std::size_t limit) noexcept : limit_(limit) {}

  /// Returns false, and takes nothing, if `bytes` more would exceed the limit.
  bool take(std::size_t bytes) noexcept {
    auto used = used_.load(std::memory_order_relaxed);
    do {
      if (bytes > limit_ - used) return false;
    } while (!used_.compare_exchange_weak(used, used + bytes, std::memory_order_relaxed));
    return true;
  }
  void give_back(std::size_t bytes) noexcept { used_.fetch_sub(bytes, std::memory_order_relaxed); }
  std::size_t used() const noexcept { return used_.load(std::memory_order_relaxed); }

 private:
  const std::size_t limit_;
  std::atomic<std::size_t> used_{0};
};

}  // namespace strata::server
