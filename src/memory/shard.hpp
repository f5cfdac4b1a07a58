#pragma once
/// One shard of a memory cache: index, cells, eviction and timers under one budget.
/// Threads: one strand; `table` holds a lock for each shard.
///
/// Invariants, between calls:
///   1. bytes() <= budget, unless the empty shard alone is larger; also while a structure grows;
///   2. an entry is in the index, in one queue of the policy and, if it ends, in the wheel;
///   3. no entry is returned at or past its drop_at.
///
/// `Cell` is the node with what this kind of cache stores. It has
///   using key_type, value_type;
///   static bool accepts(key_type)              whether a cell can hold such a key
///   static std::size_t key_bytes(key_type)     bytes its key takes on the heap
///   Cell(hash, key)  Cell(Cell&&)  ~Cell()     the move leaves nothing to free
///   bool holds(key_type) const    std::uint64_t hash() const
///   value_type put(value_type)                 swaps the value

#include "memory/eviction.hpp"
#include "memory/index.hpp"
#include "memory/node.hpp"
#include "memory/timer_wheel.hpp"

#include <atomic>
#include <limits>
#include <new>
#include <utility>

namespace strata::memory {

/// Written by one thread at a time, read by any; costs what a plain number costs.
class counter {
 public:
  void operator+=(std::uint64_t n) noexcept {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  void operator=(std::uint64_t n) noexcept { value_.store(n, std::memory_order_relaxed); }
  operator std::uint64_t() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

struct shard_counters {
  counter entries;
  counter bytes;
  counter evictions;
  counter expirations;
  counter rejected;
};

enum class stored : std::uint8_t { added, replaced, refused, too_large };

/// Why an entry leaves a shard.
enum class left : std::uint8_t { evicted, expired, replaced, erased };

/// What the budget counts.
enum class accounting : std::uint8_t {
  all,      ///< every byte that is used
  charges,  ///< the values' sizes alone: to compare policies with published figures
};

struct shard_setup {
  std::size_t budget = 0;
  std::size_t fixed = 0;  ///< what the owner spends for this shard, counted in
  accounting counts = accounting::all;
  objective wanted = objective::objects;
};

template <class Cell>
class shard {
 public:
  using key_type = Cell::key_type;
  using value_type = Cell::value_type;

  /// Steps of the timer wheel a write does at most.
  static constexpr unsigned steps_per_write = 8;

  /// `make_policy(setup)` returns the eviction policy.
  template <class MakePolicy>
  shard(const shard_setup& setup, MakePolicy&& make_policy)
      : pool_(sizeof(Cell)),
        wheel_(pool_),
        policy_(make_policy(eviction_setup{
            pool_, setup.counts == accounting::all ? sizeof(Cell) + index_share : 0, setup.wanted})),
        counts_(setup.counts),
        fixed_(setup.counts == accounting::all ? setup.fixed + sizeof(*this) : 0),
        budget_(setup.budget) {
    note();
  }
  ~shard() { destroy_cells(pool_); }
  shard(const shard&) = delete;
  shard& operator=(const shard&) = delete;

  const shard_counters& counters() const noexcept { return counters_; }

  /// The entry of `key` if it has not ended, or null. Counts as a use.
  Cell* find(std::uint64_t hash, key_type key, std::int64_t now) noexcept {
    const handle at = lookup(hash, key);
    if (at == 0) return nullptr;
    Cell& cell = at_(at);
    if (now >= cell.drop_at) return nullptr;
    if (cell.uses < most_uses_) ++cell.uses;
    if (ordered_by_use_) [[unlikely]] {
      policy_->used(at);
    }
    return &cell;
  }

  /// As find; not a use.
  Cell* peek(std::uint64_t hash, key_type key, std::int64_t now) const noexcept {
    const handle at = lookup(hash, key);
    if (at == 0) return nullptr;
    Cell& cell = at_(at);
    return now < cell.drop_at ? &cell : nullptr;
  }

  /// Stores `value` of `value_bytes` in place of what is there, if `wanted(cell or null)`. Each
  /// entry that leaves is given to `out.gone(cell, why)`, a value alone to `out.replaced(value)`.
  template <class Wanted, class Out>
  stored insert(std::uint64_t hash, key_type key, value_type value, std::size_t value_bytes,
                std::int64_t drop_at, std::int64_t now, Wanted&& wanted, Out&& out) {
    wheel_.start(now);
    expire(now, steps_per_write, out);
    handle old = lookup(hash, key);
    if (old != 0 && at_(old).drop_at <= now) {
      leave(old, left::expired, out);
      old = 0;
    }
    if (!wanted(old != 0 ? &std::as_const(at_(old)) : nullptr)) {
      note();
      return stored::refused;
    }
    const std::size_t charge = Cell::key_bytes(key) + value_bytes;
    if (drop_at <= now || !Cell::accepts(key) || !fits(charge, value_bytes)) {
      if (old != 0) leave(old, left::replaced, out);
      counters_.rejected += 1;
      note();
      return stored::too_large;
    }
    if (old != 0) {
      const bool kept = replace(old, std::move(value), charge, drop_at, out);
      note();
      return kept ? stored::replaced : stored::too_large;
    }
    Cell fresh(hash, key);
    fresh.put(std::move(value));
    const bool room = place(std::move(fresh), charge, drop_at, true, out);
    note();
    return room ? stored::added : stored::too_large;
  }

  /// Removes the entry of `key` if `wanted(cell)`. Returns whether it did.
  template <class Wanted, class Out>
  bool erase_if(std::uint64_t hash, key_type key, Wanted&& wanted, Out&& out) {
    const handle at = lookup(hash, key);
    if (at == 0 || !wanted(std::as_const(at_(at)))) return false;
    leave(at, left::erased, out);
    note();
    return true;
  }

  /// A walk over all entries in slices, between which the lock may be given up: an entry that is
  /// there from `begin_walk` to `end_walk` is seen.
  void begin_walk() noexcept { ++walkers_; }
  void end_walk() noexcept { --walkers_; }

  /// Removes entries of which `wanted(cell)` is true, from `at` on, over at most `cells` cells;
  /// moves `at`. Returns how many. The walk is over when at >= walk_end().
  template <class Wanted, class Out>
  std::size_t erase_slice(handle& at, unsigned cells, Wanted&& wanted, Out&& out) {
    std::size_t erased = 0;
    for (; at < pool_.end() && cells > 0; ++at, --cells) {
      if (!pool_.is_used(at) || !wanted(std::as_const(at_(at)))) continue;
      leave(at, left::erased, out);
      ++erased;
    }
    if (erased > 0) note();
    return erased;
  }
  handle walk_end() const noexcept { return pool_.end(); }

  /// Drops entries past their time, in at most `steps` steps. Returns how many.
  template <class Out>
  std::size_t expire(std::int64_t now, unsigned steps, Out&& out) {
    std::size_t dropped = 0;
    while (const handle at = wheel_.advance(now, steps)) {
      leave(at, left::expired, out, false);
      ++dropped;
    }
    if (dropped > 0) note();
    return dropped;
  }

  void set_budget(std::size_t budget) noexcept { budget_ = budget; }

  /// Evicts and gives memory back until the budget holds, in at most `steps` steps. Returns
  /// whether it holds, or nothing is left to evict.
  template <class Out>
  bool trim(unsigned steps, Out&& out) {
    while (bytes() > budget_ && steps-- > 0) {
      if (!give_back(out)) break;
    }
    note();
    return bytes() <= budget_ || pool_.used() == 0;
  }

  /// Removes everything; the cells go to `into`, for `destroy_cells`. Cost: O(1) but for the index.
  /// Requires: `into` is empty and has this cell size.
  void clear(node_pool& into) noexcept {
    pool_.swap(into);
    index_.clear();
    wheel_.clear();
    policy_->clear();
    heap_ = 0;
    note();
  }
  static void destroy_cells(node_pool& pool) noexcept {
    for (handle at = node_pool::first(); at < pool.end(); ++at) {
      if (pool.is_used(at)) static_cast<Cell*>(pool.address(at))->~Cell();
    }
  }

 private:
  /// What an entry takes of the index on average, for policies that compare sizes.
  static constexpr std::size_t index_share = 9;

  Cell& at_(handle at) const noexcept { return *static_cast<Cell*>(pool_.address(at)); }

  handle lookup(std::uint64_t hash, key_type key) const noexcept {
    return index_.find(hash, [&](handle at) { return at_(at).holds(hash, key); });
  }

  std::size_t bytes() const noexcept {
    if (counts_ == accounting::charges) return heap_;
    return fixed_ + heap_ + pool_.bytes() + index_.bytes() + policy_->bytes();
  }
  void note() noexcept {
    counters_.entries = pool_.used();
    counters_.bytes = bytes();
  }

  /// The oversize rule: what part of the shard one entry may take is the policy's to say, so that
  /// one large value cannot drive everything else out.
  bool fits(std::size_t charge, std::size_t value_bytes) const noexcept {
    constexpr std::size_t most = std::numeric_limits<std::uint32_t>::max() / 2;
    return value_bytes < most && charge < most && budget_ > fixed_ &&
           charge + (counts_ == accounting::all ? sizeof(Cell) : 0) <=
               (budget_ - fixed_) / policy_->largest_part();
  }

  /// Evicts until `charge` more bytes fit, with what pool, index and policy need to grow.
  template <class Out>
  bool make_room(std::size_t charge, Out&& out) {
    for (;;) {
      if (bytes() + charge + growth_for_one() <= budget_) return true;
      if (!give_back(out)) return false;
    }
  }

  std::size_t growth_for_one() const noexcept {
    if (counts_ == accounting::charges) return 0;
    return policy_->growth() + (index_.full() ? index_.growth() : 0) +
           (pool_.free() == 0 ? pool_.growth() : 0);
  }
  void grow_for_one() {
    if (policy_->growth() != 0) policy_->grow();
    if (index_.full()) reindex(&hash_index::grow);
    if (pool_.free() == 0) pool_.grow();
  }

  /// Rebuilds the index from the cells, which lie in order in memory. Without memory for it the
  /// shard starts afresh.
  void reindex(void (hash_index::*resize)()) {
    try {
      (index_.*resize)();
    } catch (...) {
      node_pool cells(sizeof(Cell));
      clear(cells);
      destroy_cells(cells);
      throw;
    }
    for (handle at = node_pool::first(); at < pool_.end(); ++at) {
      if (pool_.is_used(at)) index_.insert(at_(at).hash(), at);
    }
  }

  /// Makes the shard smaller by one step: spare cells or a spare index first, else an entry.
  /// False: there is nothing left to give.
  template <class Out>
  bool give_back(Out&& out) {
    if (walkers_ == 0 && pool_.free() > 2 * node_pool::cells_per_chunk) {
      pop_chunk();
      return true;
    }
    if (index_.sparse()) {
      reindex(&hash_index::shrink);
      return true;
    }
    const handle at = policy_->victim();
    if (at == 0) return give_back_rest();
    Cell& cell = at_(at);
    policy_->evicted(cell, cell.hash());
    wheel_.remove(at);
    index_.erase(cell.hash(), at);
    release(at, left::evicted, out);
    return true;
  }

  bool give_back_rest() noexcept {
    if (pool_.end() == 0) return false;
    node_pool none(sizeof(Cell));
    clear(none);
    return true;
  }

  /// Moves what is in the last chunk to free cells before it and frees the chunk.
  void pop_chunk() {
    while (const handle from = pool_.last_used()) {
      const handle to = pool_.take();
      Cell& source = at_(from);
      Cell* target = new (pool_.address(to)) Cell(std::move(source));
      source.~Cell();
      pool_.give(from);
      index_.moved(target->hash(), from, to);
      wheel_.moved(from, to);
      policy_->moved(to);
    }
    pool_.pop_chunk();
  }

  /// Gives the entry another value. False: there was no room, and the entry is gone.
  template <class Out>
  bool replace(handle at, value_type value, std::size_t charge, std::int64_t drop_at, Out&& out) {
    Cell& cell = at_(at);
    policy_->remove(at);
    wheel_.remove(at);
    heap_ -= cell.charge;
    out.replaced(cell.put(std::move(value)));
    if (charge <= cell.charge) {
      cell.charge = static_cast<std::uint32_t>(charge);
      cell.drop_at = drop_at;
      heap_ += charge;
      wheel_.add(at);
      policy_->restore(at);
      return true;
    }
    // Taken out, so that what makes room for it can neither evict nor move it.
    index_.erase(cell.hash(), at);
    Cell taken(std::move(cell));
    cell.~Cell();
    pool_.give(at);
    return place(std::move(taken), charge, drop_at, false, out);
  }

  /// Puts a cell that is nowhere into the shard, evicting as needed. False: there is no room.
  template <class Out>
  bool place(Cell&& cell, std::size_t charge, std::int64_t drop_at, bool is_new, Out&& out) {
    if (!make_room(charge, out)) {
      counters_.rejected += 1;
      return false;
    }
    grow_for_one();
    const handle at = pool_.take();
    Cell& placed = *new (pool_.address(at)) Cell(std::move(cell));
    placed.charge = static_cast<std::uint32_t>(charge);
    placed.drop_at = drop_at;
    heap_ += charge;
    index_.insert(placed.hash(), at);
    wheel_.add(at);
    if (is_new) {
      policy_->add(at, placed.hash());
    } else {
      policy_->restore(at);
    }
    return true;
  }

  template <class Out>
  void leave(handle at, left why, Out&& out, bool timed = true) {
    policy_->remove(at);
    if (timed) wheel_.remove(at);
    index_.erase(at_(at).hash(), at);
    release(at, why, out);
  }

  template <class Out>
  void release(handle at, left why, Out&& out) {
    Cell& cell = at_(at);
    heap_ -= cell.charge;
    if (why == left::evicted) counters_.evictions += 1;
    if (why == left::expired) counters_.expirations += 1;
    out.gone(cell, why);
    cell.~Cell();
    pool_.give(at);
  }

  // What a hit reads comes first, in the lock's own cache line.
  hash_index index_;
  node_pool pool_;
  timer_wheel wheel_;
  std::unique_ptr<eviction> policy_;
  const std::uint8_t most_uses_ = policy_->most_uses();
  const bool ordered_by_use_ = policy_->ordered_by_use();
  const accounting counts_;
  std::size_t fixed_;
  std::size_t budget_;
  std::size_t heap_ = 0;  ///< sum of charges
  unsigned walkers_ = 0;  ///< while there are any, no cell moves to another handle
  shard_counters counters_;
};

}  // namespace strata::memory
