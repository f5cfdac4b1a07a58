#pragma once
/// Why keys left the cache: a small table that forgets, so that a miss can name its reason.
/// Threads: internally synchronised, without locks.
///
/// Keys share slots by hash. A key whose slot was overwritten by another is reported as `absent`.

#include <strata/lookup.hpp>

#include <atomic>
#include <cstdint>
#include <memory>

namespace strata::detail {

class recent_miss_reasons {
 public:
  recent_miss_reasons() : slots_(std::make_unique<std::atomic<std::uint32_t>[]>(size)) {}

  void note(std::uint64_t hash, miss_reason why) noexcept {
    slots_[hash % size].store(tag(hash) | static_cast<std::uint32_t>(why), std::memory_order_relaxed);
  }

  /// The reason noted last for the key with this hash; `absent` if none is remembered.
  miss_reason reason(std::uint64_t hash) const noexcept {
    const auto slot = slots_[hash % size].load(std::memory_order_relaxed);
    return slot != 0 && (slot & ~0xffu) == tag(hash) ? static_cast<miss_reason>(slot & 0xff)
                                                     : miss_reason::absent;
  }

 private:
  static constexpr std::size_t size = 1u << 15;
  static std::uint32_t tag(std::uint64_t hash) noexcept {
    return static_cast<std::uint32_t>(hash >> 32) & ~0xffu;
  }
  std::unique_ptr<std::atomic<std::uint32_t>[]> slots_;
};

}  // namespace strata::detail
