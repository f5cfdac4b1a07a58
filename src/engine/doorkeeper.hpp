#pragma once
/// Which keys have been filled lately: a small table that forgets. A key that was asked for once need not
/// take memory that all processes share.
/// Threads: internally synchronised, without locks.
///
/// Keys share slots by hash. A key whose slot another has taken counts as new.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace strata::detail {

class doorkeeper {
 public:
  doorkeeper() : slots_(std::make_unique<std::atomic<std::uint32_t>[]>(size)) {}

  /// Notes the key with this hash. Returns whether it was noted before.
  bool admits(std::uint64_t hash) noexcept {
    const auto tag = static_cast<std::uint32_t>(hash >> 32) | 1;
    return slots_[hash % size].exchange(tag, std::memory_order_relaxed) == tag;
  }

 private:
  static constexpr std::size_t size = 1u << 15;
  std::unique_ptr<std::atomic<std::uint32_t>[]> slots_;
};

}  // namespace strata::detail
