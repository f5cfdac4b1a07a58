#pragma once
/// Reading a shard without its lock.
/// Threads: `read` and `peek` any, in a `readers::section`; the rest under the shard's lock.
///
/// Structure. A hit follows bucket -> handle -> cell, and for text one step more, to the block of
/// key and value. Two things could go wrong on that way, and each is met where it costs least:
///
///   - What is found may change while it is read: the entry leaves, its cell is given to another.
///     That is frequent and small. The bucket has a version; the writer makes it odd, changes what the
///     bucket names, makes it even; the reader copies what it needs, looks at the version again and
///     throws away what it copied if that differs. The writer waits for nobody. The usual write needs
///     no version: a value that gives way to one that ends no earlier. It is one word, written before
///     the end and read after it, so that a reader may find the older end with the newer value, which is
///     on the safe side, and never the reverse. Then only the cell's line moves between processors.
///   - What is read may be freed: cells, buckets, a block of text. A copy that is thrown away is no help
///     there. Who frees such a thing first takes it out of reach and waits for a grace period of
///     `readers`. For the shard's own structures that is `hide`: while the view is hidden there are no
///     readers, and everything may be moved, freed or replaced as if there had never been any. For
///     blocks of text, which leave all the time, grace periods are shared: see `retired`.
///
/// So a hit writes to no line that another thread reads, but for the use count while it is below
/// its most (3): what is read all the time is only read. A thread's own line takes two stores.
///
/// What is returned. `hit`: the value was there at one moment of the call, the one at which the
/// version was looked at again. `miss`: it was absent, or past its end, at one moment. `unsure`: the
/// view is hidden, as it always is where the policy must know of each use, or the bucket keeps
/// changing; then the lock decides. A miss without the lock needs care: an entry that only moves within the
/// index must not be overlooked by a reader that has passed its new place and not reached its old. `moves_`
/// counts such moves, odd while one is under way, and a miss that saw it change is unsure.
///
/// Invariants:
///   1. a handle that a reader finds in the shown buckets names one of the shown cells;
///   2. what of a cell a reader looks at changes only under the version of the bucket that names it,
///      or while no bucket does, but for a value and its end as told above;
///   3. all that is read here and not freed by `hide` is atomic, so that no torn or racing read is
///      undefined; how stale it is, the version tells;
///   4. no reader waits, and no reader calls out of this room but to copy a shared_ptr.
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

/// What reading without the lock came to.
enum class seen : std::uint8_t { hit, miss, unsure };

template <cell Cell>
class alignas(32) view {
 public:
  using key_type = Cell::key_type;
  using shared_type = Cell::shared_type;

  /// As `read`, where the entry is in the first slot of its tag and nothing changes meanwhile, as nearly
  /// every hit finds it. That way is kept short, so that the processor can be at several lookups at once.
  /// False says nothing.
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
