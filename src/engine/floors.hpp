#pragma once
/// The table of floors: the least asof that a value must have, for each tag and prefix. Below a hard floor a
/// value is gone, below a soft floor it is expired.
/// Threads: internally synchronised, without locks.
///
/// Tags and prefixes hash to 2^20 buckets. A collision invalidates too much, never too little. Floors only
/// rise; nothing is ever removed from the table.

#include "core/atomic_max.hpp"
#include "engine/mutation.hpp"

#include <strata/store.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace strata::detail {

class floor_table {
 public:
  static constexpr std::uint32_t buckets = 1u << floor_bits;
  /// The bucket that applies to every key: `clear` raises it.
  static constexpr std::uint32_t root = buckets;

  floor_table()
      : hard_(std::make_unique<std::atomic<commit_time>[]>(buckets + 1)),
        soft_(std::make_unique<std::atomic<commit_time>[]>(buckets + 1)) {}

  static std::uint32_t prefix_bucket(std::string_view prefix) noexcept;
  static std::uint32_t tag_bucket(std::string_view tag) noexcept;

  void raise(floor_entry to) noexcept {
    if (to.bucket > root) return;
    auto& floor = to.soft ? soft_[to.bucket] : hard_[to.bucket];
    atomic_max(floor, to.asof);
    if (to.soft) any_soft_.store(true, std::memory_order_release);
  }

  commit_time hard(std::uint32_t bucket) const noexcept {
    return hard_[bucket].load(std::memory_order_acquire);
  }
  commit_time soft(std::uint32_t bucket) const noexcept {
    return soft_[bucket].load(std::memory_order_acquire);
  }
  /// Every floor that has been raised. Cost: O(buckets).
  std::vector<floor_entry> raised() const;

  /// False while no soft floor has been raised: the common case, and a cheap check.
  bool any_soft() const noexcept { return any_soft_.load(std::memory_order_acquire); }

 private:
  std::unique_ptr<std::atomic<commit_time>[]> hard_;
  std::unique_ptr<std::atomic<commit_time>[]> soft_;
  std::atomic<bool> any_soft_ = false;
};

}  // namespace strata::detail
