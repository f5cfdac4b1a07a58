#pragma once
/// Reading a shard without its lock.
/// Threads: `read` and `peek` any, in a `readers::section`; the rest under the shard's lock.
///
/// Structure. A hit follows bucket -> handle -> cell, and for text one step more, to the block of
/// key and value. Two things can go wrong on the way; each is handled where that costs least:
///
///   - The entry may change while it is read: it leaves, and its cell is given to another. That is
///     frequent and small. The bucket has a version. The writer makes it odd, changes the bucket or its
///     cells, and makes it even. The reader copies what it needs, reads the version again, and discards
///     the copy if it differs. The writer never waits. The usual write needs no version: it replaces a
///     value by one that ends no earlier. The value is one word, written before the end and read after
///     it. So a reader may see the older end with the newer value, which is safe, and never the reverse.
///     Then only the cell's line moves between processors.
///   - The memory may be freed: cells, buckets, a block of text. Discarding a copy does not help there.
///     The writer unlinks the memory first and waits for a grace period of `readers` before it frees it.
///     For the shard's own structures that is `hide`: while the view is hidden there are no readers, and
///     everything may be moved, freed or replaced. Blocks of text leave all the time, so they share
///     grace periods: see `retired`.
///
/// So a hit writes to no line that another thread reads, except for the use count while it is below its
/// maximum (3): an entry that is read all the time is never written. A thread's own line takes two stores.
///
/// Results. `hit`: the value was there when the version was read again. `miss`: it was absent, or past its
/// end, at one moment of the call. `unsure`: the bucket keeps changing, or the view is hidden, as it
/// always is if the policy must know of each use; then the lock decides. A miss without the lock needs care:
/// an entry that only moves within the index must not be overlooked by a reader that has passed its new place
/// and not reached its old. `moves_` counts such moves, odd while one is under way, and a miss that saw it
/// change is unsure.
///
/// Invariants:
///   1. a handle that a reader finds in the shown buckets names one of the shown cells;
///   2. the fields of a cell that readers look at change only under the version of the bucket that names
///      it, or while no bucket does; the exception is a value and its end as described above;
///   3. every field that is read here and not freed by `hide` is atomic, so no torn or racing read is
///      undefined; the version shows whether it is stale;
///   4. no reader waits, and none calls out of this room except to copy a shared_ptr.
///
/// Papers: seqlocks in C++ (Boehm, MSPC 2012); optimistic reads with versions per bucket: MemC3
/// (Fan, Andersen, Kaminsky, NSDI 2013); for the grace periods see `readers`.

#include "memory/cell.hpp"
#include "memory/index.hpp"
#include "memory/node.hpp"
#include "memory/readers.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace strata::memory {

/// The result of reading without the lock.
enum class seen : std::uint8_t { hit, miss, unsure };

template <cell Cell>
class alignas(32) view {
 public:
  using key_type = Cell::key_type;
  using shared_type = Cell::shared_type;

  /// The short path of `read`, for an entry in the first slot of its tag that does not change meanwhile:
  /// nearly every hit. It is kept short so that the processor can overlap several lookups. After false,
  /// call `read`.
  template <bool IsUse>
  [[gnu::always_inline]] bool read_at_once(std::uint64_t hash, key_type key, std::int64_t now,
                                           shared_type& out) const noexcept {
    const bucket* const buckets = buckets_.load(std::memory_order_acquire);
    if (buckets == nullptr) [[unlikely]]
      return false;
    const bucket& here = buckets[bucket::home(hash, count_)];
    const auto then = here.read();
    const std::uint32_t match = then.matches(bucket::tag_of(hash));
    if (match == 0) [[unlikely]]
      return false;
    Cell& cell = node_pool::cell<Cell>(cells_, here.at(bucket::slot_of(match)));
    const std::int64_t drop_at = cell.drop_at.observe();
    const auto found = cell.look(hash, key);
    if (!found || !here.still(then) || now >= drop_at) [[unlikely]]
      return false;
    take<IsUse>(cell, found, out);
    return true;
  }

  /// The value of `key` in `out`, if it has not ended, from every slot and bucket that may have it, and
  /// again if they change. Counts as a use, or does not.
  template <bool IsUse>
  seen read(std::uint64_t hash, key_type key, std::int64_t now, shared_type& out) const noexcept {
    const bucket* const buckets = buckets_.load(std::memory_order_acquire);
    if (buckets == nullptr) return seen::unsure;
    const std::uint32_t moves = moves_.load(std::memory_order_acquire);
    const std::uint8_t tag = bucket::tag_of(hash);
    std::size_t at = bucket::home(hash, count_);
    unsigned tries = 0;
    for (std::size_t left = count_; left > 0;) {
      const bucket& here = buckets[at];
      const auto then = here.read();
      for (std::uint32_t match = then.matches(tag); match != 0; match &= match - 1) {
        // Handle 0, of a slot that changes, names a cell that has always ended.
        Cell& cell = node_pool::cell<Cell>(cells_, here.at(bucket::slot_of(match)));
        const std::int64_t drop_at = cell.drop_at.observe();
        const auto found = cell.look(hash, key);
        if (!found) continue;
        if (!here.still(then)) break;
        if (now >= drop_at) return seen::miss;
        take<IsUse>(cell, found, out);
        return seen::hit;
      }
      if (!here.still(then)) {
        if (++tries == most_tries) return seen::unsure;
        continue;
      }
      if (!then.passed()) break;
      at = at + 1 == count_ ? 0 : at + 1;
      --left;
    }
    std::atomic_thread_fence(std::memory_order_acquire);
    return moves % 2 == 0 && moves_.load(std::memory_order_relaxed) == moves ? seen::miss : seen::unsure;
  }

  /// No reader sees anything when this returns, until `show`.
  void hide() noexcept {
    if (buckets_.load(std::memory_order_relaxed) == nullptr) return;
    buckets_.store(nullptr, std::memory_order_release);
    readers::wait();
  }
  /// Requires: hidden.
  void show(const hash_index& index, const node_pool& pool, std::uint8_t most_uses) noexcept {
    most_uses_ = most_uses;
    count_ = static_cast<std::uint32_t>(index.count());
    cells_ = pool.cells();
    buckets_.store(index.buckets(), std::memory_order_release);
  }

  /// While an entry moves from one place of the index to another.
  class move {
   public:
    explicit move(view& seen) noexcept : seen_(seen) {
      seen_.step();
      std::atomic_thread_fence(std::memory_order_release);
    }
    ~move() { seen_.step(); }
    move(const move&) = delete;
    move& operator=(const move&) = delete;

   private:
    view& seen_;
  };

 private:
  /// How often a bucket that changes is read again.
  static constexpr unsigned most_tries = 16;

  template <bool IsUse>
  [[gnu::always_inline]] void take(Cell& cell, const Cell::found_type& found,
                                   shared_type& out) const noexcept {
    if constexpr (IsUse) {
      // Of two that count at once one may be lost, and a cell that is given to another entry just now
      // may get a use too many: the policy can live with both.
      if (const std::uint8_t uses = cell.uses; uses < most_uses_) {
        cell.uses = static_cast<std::uint8_t>(uses + 1);
      }
    }
    out = Cell::share(found);
  }

  void step() noexcept {
    moves_.store(moves_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
  }

  // Written only while hidden, but for the pointer that hides.
  std::atomic<const bucket*> buckets_{nullptr};
  std::byte* cells_ = nullptr;
  std::uint32_t count_ = 0;
  std::atomic<std::uint32_t> moves_{0};
  std::uint8_t most_uses_ = 0;
};

}  // namespace strata::memory
