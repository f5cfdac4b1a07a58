#pragma once
/// A number that one thread at a time writes and any thread may read meanwhile.
/// Threads: one writer (a shard's lock), any readers. Cost: that of a plain number.

#include <atomic>

namespace strata::memory {

/// Does not order other writes, unless it is both `publish`ed and `observe`d.
template <class T>
class relaxed {
 public:
  relaxed() noexcept = default;
  constexpr relaxed(T value) noexcept : value_(value) {}
  relaxed(const relaxed& other) noexcept : value_(T{other}) {}
  relaxed& operator=(const relaxed& other) noexcept { return *this = T{other}; }

  operator T() const noexcept { return value_.load(std::memory_order_relaxed); }
  relaxed& operator=(T value) noexcept {
    value_.store(value, std::memory_order_relaxed);
    return *this;
  }
  /// A thread that observes a published number sees all writes before its publication.
  void publish(T value) noexcept { value_.store(value, std::memory_order_release); }
  T observe() const noexcept { return value_.load(std::memory_order_acquire); }
  relaxed& operator+=(T more) noexcept { return *this = static_cast<T>(*this + more); }

 private:
  std::atomic<T> value_{};
};

}  // namespace strata::memory
