#pragma once
/// Shards side by side, each with its lock, one for each group of hashes.
/// Threads: internally locked: `at` returns a shard, whose `lock` guards its `entries`; `find` and `peek`
/// take the lock only if reading without it is unsure.

#include "memory/lock.hpp"
#include "memory/shard.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>

namespace strata::memory {

template <cell Cell>
class sharded {
  using key_type = Cell::key_type;
  using shared_type = Cell::shared_type;

 public:
  struct alignas(64) part {
    template <class MakePolicy>
    part(const shard_setup& setup, MakePolicy&& make_policy, view<Cell>& readable)
        : entries(setup, make_policy, readable) {}

    /// Read without the lock.
    const shard_counters& counters() const noexcept STRATA_NO_ANALYSIS { return entries.counters(); }

    spin_lock lock;
    shard<Cell> entries STRATA_GUARDED_BY(lock);
  };

  /// Requires: `count` is a power of two up to 256. `each` is the setup of one shard.
  template <class MakePolicy>
  sharded(unsigned count, shard_setup each, MakePolicy&& make_policy)
      : views_(std::make_unique<view<Cell>[]>(count)),
        parts_(static_cast<part*>(::operator new(count * sizeof(part), std::align_val_t(alignof(part))))),
        mask_(count - 1) {
    readers::prepare();
    each.fixed += sizeof(part) - sizeof(shard<Cell>) + sizeof(view<Cell>) + sizeof(*this);
    try {
      for (; count_ < count; ++count_) new (parts_ + count_) part(each, make_policy, views_[count_]);
    } catch (...) {
      destroy();
      throw;
    }
  }
  ~sharded() { destroy(); }
  sharded(const sharded&) = delete;
  sharded& operator=(const sharded&) = delete;

  /// The value of `key` if it has not ended, else an empty one. Counts as a use. Takes the lock only
  /// if it must.
  [[gnu::always_inline]] shared_type find(std::uint64_t hash, key_type key, std::int64_t now) noexcept {
    return look<true>(hash, key, now);
  }

  /// As find; not a use.
  shared_type peek(std::uint64_t hash, key_type key, std::int64_t now) const noexcept {
    return look<false>(hash, key, now);
  }

  unsigned size() const noexcept { return count_; }
  part* begin() const noexcept { return parts_; }
  part* end() const noexcept { return parts_ + count_; }

  /// By the highest bits: the index takes the lowest and its tags those between.
  part& at(std::uint64_t hash) const noexcept { return parts_[index_of(hash)]; }

 private:
  /// All that is called stands at the end, so that a hit saves and restores nothing for it.
  template <bool IsUse>
  [[gnu::always_inline]] shared_type look(std::uint64_t hash, key_type key, std::int64_t now) const noexcept {
    if (const readers::section here; here) [[likely]] {
      shared_type out{};
      if (views_[index_of(hash)].template read_at_once<IsUse>(hash, key, now, out)) [[likely]]
        return out;
    }
    return look_on<IsUse>(hash, key, now);
  }

  template <bool IsUse>
  [[gnu::noinline]] shared_type look_on(std::uint64_t hash, key_type key, std::int64_t now) const noexcept {
    readers::join();
    if (const readers::careful_section here; here) {
      shared_type out{};
      if (views_[index_of(hash)].template read<IsUse>(hash, key, now, out) != seen::unsure) return out;
    }
    part& in = at(hash);
    const locked hold(in.lock);
    const Cell* found = IsUse ? in.entries.find(hash, key, now) : in.entries.peek(hash, key, now);
    return found != nullptr ? Cell::share(found->look(hash, key)) : shared_type{};
  }

  std::size_t index_of(std::uint64_t hash) const noexcept { return (hash >> 56) & mask_; }

  void destroy() noexcept {
    for (unsigned i = 0; i < count_; ++i) parts_[i].~part();
    ::operator delete(parts_, std::align_val_t(alignof(part)));
  }

  std::unique_ptr<view<Cell>[]> views_;  ///< side by side: all a hit needs of any shard in a few lines
  part* parts_;
  std::size_t mask_;
  unsigned count_ = 0;
};

}  // namespace strata::memory
