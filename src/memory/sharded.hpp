#pragma once
/// Shards side by side, each with its lock, one for each group of hashes.
/// Threads: internally locked: `at` gives a shard, whose `lock` guards its `entries`.

#include "memory/lock.hpp"
#include "memory/shard.hpp"

#include <cstddef>
#include <cstdint>
#include <new>

namespace strata::memory {

template <class Cell>
class sharded {
 public:
  struct alignas(64) part {
    template <class MakePolicy>
    part(const shard_setup& setup, MakePolicy&& make_policy) : entries(setup, make_policy) {}

    /// Read without the lock.
    const shard_counters& counters() const noexcept STRATA_NO_ANALYSIS { return entries.counters(); }

    spin_lock lock;
    shard<Cell> entries STRATA_GUARDED_BY(lock);
  };

  /// Requires: `count` is a power of two up to 256. `each` is the setup of one shard.
  template <class MakePolicy>
  sharded(unsigned count, shard_setup each, MakePolicy&& make_policy)
      : parts_(static_cast<part*>(::operator new(count * sizeof(part), std::align_val_t(alignof(part))))) {
    each.fixed += sizeof(part) - sizeof(shard<Cell>) + sizeof(*this);
    try {
      for (; count_ < count; ++count_) new (parts_ + count_) part(each, make_policy);
    } catch (...) {
      destroy();
      throw;
    }
  }
  ~sharded() { destroy(); }
  sharded(const sharded&) = delete;
  sharded& operator=(const sharded&) = delete;

  unsigned size() const noexcept { return count_; }
  part* begin() const noexcept { return parts_; }
  part* end() const noexcept { return parts_ + count_; }

  /// By the highest bits: the index takes the lowest and its tags those between.
  part& at(std::uint64_t hash) const noexcept { return parts_[(hash >> 56) & (count_ - 1)]; }

 private:
  void destroy() noexcept {
    for (unsigned i = 0; i < count_; ++i) parts_[i].~part();
    ::operator delete(parts_, std::align_val_t(alignof(part)));
  }

  part* parts_;
  unsigned count_ = 0;
};

}  // namespace strata::memory
