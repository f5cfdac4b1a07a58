#pragma once
/// The table of floors: which asof a tag or prefix demands at least.
/// Threads: internally synchronised, without locks.
///
/// Tags and prefixes hash to 2^20 buckets. A collision only invalidates too much, never too
/// little. Floors only rise; nothing is ever removed from the table.

#include <strata/store.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string_view>

namespace strata::detail {

class floor_table {
 public:
  static constexpr std::uint32_t buckets = 1u << 20;
  /// The bucket that every key is under: what `clear` raises.
  static constexpr std::uint32_t root = buckets;

  floor_table() : floors_(std::make_unique<std::atomic<commit_time>[]>(buckets + 1)) {}

  static std::uint32_t prefix_bucket(std::string_view prefix) noexcept;
  static std::uint32_t tag_bucket(std::string_view tag) noexcept;

  void raise(std::uint32_t bucket, commit_time asof) noexcept {
    if (bucket > root) return;
    auto& floor = floors_[bucket];
    auto seen = floor.load(std::memory_order_relaxed);
    while (seen < asof &&
           !floor.compare_exchange_weak(seen, asof, std::memory_order_release, std::memory_order_relaxed)) {
    }
  }

  commit_time at(std::uint32_t bucket) const noexcept {
    return floors_[bucket].load(std::memory_order_acquire);
  }

 private:
  std::unique_ptr<std::atomic<commit_time>[]> floors_;
};

}  // namespace strata::detail
