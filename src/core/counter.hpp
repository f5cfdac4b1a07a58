#pragma once
/// A counter that one thread writes and any thread reads: no locked instruction on the hot path.

#include <atomic>
#include <cstdint>

namespace strata::detail {

class counter {
 public:
  void add(std::uint64_t by = 1) noexcept { set(get() + by); }
  void subtract(std::uint64_t by = 1) noexcept { set(get() - by); }
  void set(std::uint64_t to) noexcept { value_.store(to, std::memory_order_relaxed); }
  std::uint64_t get() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

}  // namespace strata::detail
