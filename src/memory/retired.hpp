#pragma once
/// Values that have left a shard but that a reader may still hold, kept until a grace period is over.
/// Threads: one strand (a shard's lock).
///
/// They are few and small, since they count in the shard's budget. One grace period frees the waiting
/// values of all shards, so with many shards a shard rarely needs its own. The thread that sees that one
/// is due waits for it without a lock (`crowded`).

#include "memory/readers.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace strata::memory {

template <class Value>
class retired {
 public:
  static constexpr unsigned most = 64;

  bool full() const noexcept { return count_ == most; }
  bool empty() const noexcept { return count_ == 0; }
  std::size_t bytes() const noexcept { return bytes_; }

  /// Requires: not full(); no reader finds `value` any more.
  void add(Value value, std::size_t bytes) noexcept {
    auto& last = ring_[(first_ + count_++) % most];
    last = {std::move(value), static_cast<std::uint32_t>(bytes), readers::stamp()};
    bytes_ += bytes;
  }

  /// Returns whether a grace period is due, so that none is needed when the room is used up: half of
  /// `bytes` or of the places hold values whose grace period is not over.
  bool crowded(std::size_t bytes) const noexcept {
    return (count_ > most / 2 || bytes_ > bytes / 2) && !readers::passed(ring_[first_].stamp);
  }

  /// Calls `free(value)` for each that no reader can hold. Returns whether there was one.
  template <class Free>
  bool reclaim(Free&& free) {
    const unsigned before = count_;
    while (count_ > 0 && readers::passed(ring_[first_].stamp)) pop(free);
    return count_ < before;
  }
  /// All. Requires: a `readers::wait` since the last `add`.
  template <class Free>
  void reclaim_all(Free&& free) {
    while (count_ > 0) pop(free);
  }

 private:
  struct item {
    Value value;
    std::uint32_t bytes = 0;
    std::uint32_t stamp = 0;
  };

  template <class Free>
  void pop(Free&& free) {
    auto& oldest = ring_[first_];
    bytes_ -= oldest.bytes;
    first_ = (first_ + 1) % most;
    --count_;
    free(std::move(oldest.value));
  }

  unsigned first_ = 0;
  unsigned count_ = 0;
  std::size_t bytes_ = 0;
  std::array<item, most> ring_{};
};

/// Where nothing lingers, nothing waits.
struct none_retired {
  static bool empty() noexcept { return true; }
  static std::size_t bytes() noexcept { return 0; }
  static bool reclaim(auto&&) noexcept { return false; }
  static void reclaim_all(auto&&) noexcept {}
};

}  // namespace strata::memory
