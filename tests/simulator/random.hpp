#pragma once
/// Random numbers of a simulation: the same seed gives the same numbers on every machine.
/// Threads: one.

#include <cstddef>
#include <cstdint>
#include <initializer_list>

namespace strata::simulator {

/// splitmix64 (Steele, Lea, Flood 2014). The standard's distributions differ between libraries.
class chance {
 public:
  explicit chance(std::uint64_t seed) : state_(seed) {
    next();  // neighbouring seeds start with different numbers
  }

  std::uint64_t next() noexcept {
    auto z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }

  /// From 0 to `end` - 1. Requires: end > 0.
  std::size_t below(std::size_t end) noexcept { return static_cast<std::size_t>(next() % end); }

  /// True with a probability of `percent` in a hundred.
  bool percent(unsigned percent) noexcept { return below(100) < percent; }

  template <class T>
  T one_of(std::initializer_list<T> choices) noexcept {
    return *(choices.begin() + below(choices.size()));
  }

 private:
  std::uint64_t state_;
};

}  // namespace strata::simulator
