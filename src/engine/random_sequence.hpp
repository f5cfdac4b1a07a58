#pragma once
/// Random numbers behind jitter and early refresh: splitmix64 (Steele, Lea, Flood 2014) over a counter.
/// Threads: internally synchronised, without locks. The same seed gives the same sequence.

#include <atomic>
#include <cstdint>

namespace strata::detail {

class random_sequence {
 public:
  explicit random_sequence(std::uint64_t seed) noexcept : counter_(seed) {}

  /// The next number, at least 0 and below 1.
  double next() noexcept {
    auto z = counter_.fetch_add(0x9e3779b97f4a7c15, std::memory_order_relaxed);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    z ^= z >> 31;
    return static_cast<double>(z >> 11) * 0x1p-53;
  }

 private:
  std::atomic<std::uint64_t> counter_;
};

}  // namespace strata::detail
