#pragma once
/// Raises an atomic to a value, never lowers it: `std::atomic::fetch_max` of C++26.

#include <atomic>
#include <type_traits>

namespace strata::detail {

/// Returns whether `value` was above what `at` held. Threads: any.
template <class T>
bool atomic_max(std::atomic<T>& at, std::type_identity_t<T> value) noexcept {
  auto seen = at.load(std::memory_order_relaxed);
  while (seen < value) {
    if (at.compare_exchange_weak(seen, value, std::memory_order_acq_rel, std::memory_order_relaxed))
      return true;
  }
  return false;
}

}  // namespace strata::detail
