#pragma once
/// One shard of a memory cache: index, cells, eviction and timers under one budget.
/// Threads: one strand; `sharded` holds a lock for each shard. `view` reads without it.
///
/// Invariants, between calls:
///   1. bytes() <= budget, unless the empty shard alone is larger; also while a structure grows;
///   2. an entry is in the index, in one queue of the policy and, if it ends, in the wheel;
///   3. no entry is returned at or past its drop_at;
///   4. the view shows index and pool, if they exist and the policy does not need to see hits.
///
/// Long because every operation must keep all four at once.

#include "memory/cell.hpp"
#include "memory/eviction.hpp"
#include "memory/index.hpp"
#include "memory/node.hpp"
#include "memory/retired.hpp"
#include "memory/shard_setup.hpp"
#include "memory/timer_wheel.hpp"
#include "memory/view.hpp"

#include <limits>
#include <new>
#include <utility>

namespace strata::memory {

template <cell Cell>
class shard {
 public:
  using key_type = Cell::key_type;
  using value_type = Cell::value_type;

  /// Steps of the timer wheel a write does at most.
  static constexpr unsigned steps_per_write = 8;

  /// `make_policy(setup)` returns the eviction policy. `readable` shows this shard as long as it lives;
  /// no other shows anything there.
  template <class MakePolicy>
  shard(const shard_setup& setup, MakePolicy&& make_policy, view<Cell>& readable)
      : pool_(node_pool::of<Cell>()),
        view_(readable),
        policy_(make_policy(eviction_setup{
            pool_, setup.counts == accounting::all ? cell_share + index_share : 0, setup.wanted})),
        counts_(setup.counts),
        fixed_(setup.counts == accounting::all ? setup.fixed + sizeof(*this) : 0),
        budget_(setup.budget),
        wheel_(pool_) {
    note_structure();
  }
  ~shard() {
    destroy_cells(pool_);  // no readers remain, so retired blocks are freed too
  }
  shard(const shard&) = delete;
  shard& operator=(const shard&) = delete;

  const shard_counters& counters() const noexcept { return counters_; }

  /// The entry of `key` if it has not ended, or null. Counts as a use.
  Cell* find(std::uint64_t hash, key_type key, std::int64_t now) noexcept {
    const handle at = alive(hash, key, now);
    if (at == 0) return nullptr;
    if (Cell& cell = cell_at(at); cell.uses < most_uses_) cell.uses += 1;
    if (ordered_by_use_) policy_->used(at);
    return &cell_at(at);
  }

  /// As find; not a use.
  Cell* peek(std::uint64_t hash, key_type key, std::int64_t now) const noexcept {
    const handle at = alive(hash, key, now);
    return at != 0 ? &cell_at(at) : nullptr;
  }

  /// Stores `value` of `value_bytes` in place of the current one, if `wanted(cell or null)`; else
  /// `value` stays as it is. Calls `out.gone(cell, why)` for each entry that leaves, and `out.free(value)`
  /// for each value that no reader can hold any more. Calls `out.crowded()` if a `readers::wait` is due
  /// after the lock is released, which happens only if cells linger.
  template <class Wanted, class Out>
  stored insert(std::uint64_t hash, key_type key, value_type&& value, std::size_t value_bytes,
                std::int64_t drop_at, std::int64_t now, Wanted&& wanted, Out&& out) {
    if (wheel_.due(now)) expire(now, steps_per_write, out);
    auto old = lookup(hash, key);
    if (old.entry != 0 && cell_at(old.entry).drop_at <= now) {
      leave(old.entry, left::expired, out);
      old.entry = 0;
    }
    if (!wanted(old.entry != 0 ? &std::as_const(cell_at(old.entry)) : nullptr)) {
      note();
      return stored::refused;
    }
    const std::size_t charge = Cell::key_bytes(key) + value_bytes;
    if (drop_at <= now || !Cell::accepts(key) || !fits(charge, value_bytes)) {
      if (old.entry != 0) leave(old.entry, left::replaced, out);
      counters_.rejected += 1;
      note();
      return stored::too_large;
    }
    const bool kept = old.entry != 0 ? replace(old, hash, key, std::move(value), charge, drop_at, out)
                                     : place(hash, key, std::move(value), charge, drop_at, nullptr, out);
    note();
    if (!kept) return stored::too_large;
    return old.entry != 0 ? stored::replaced : stored::added;
  }

  /// Removes the entry of `key` if `wanted(cell)`. Returns whether it did.
  template <class Wanted, class Out>
  bool erase_if(std::uint64_t hash, key_type key, Wanted&& wanted, Out&& out) {
    const handle at = lookup(hash, key).entry;
    if (at == 0 || !wanted(std::as_const(cell_at(at)))) return false;
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
      if (!pool_.is_used(at) || !wanted(std::as_const(cell_at(at)))) continue;
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
    if (!wheel_.due(now)) return 0;
    wheel_.start(now);
    std::size_t dropped = 0;
    while (const handle at = wheel_.advance(now, steps)) {
      leave(at, left::expired, out, false);
      ++dropped;
    }
    if (dropped > 0) note();
    return dropped;
  }

  void set_budget(std::size_t budget) noexcept {
    budget_ = budget;
    most_charge_ = most_charge();
  }

  /// Evicts and gives memory back until the budget holds, in at most `steps` steps. Returns
  /// whether it holds, or nothing is left to evict.
  template <class Out>
  bool trim(unsigned steps, Out&& out) {
    while (bytes() > budget_ && steps-- > 0) {
      if (!reclaim(out) && !give_back(out)) break;
    }
    note();
    return bytes() <= budget_ || (pool_.used() == 0 && retired_.empty());
  }

  /// Frees the values that have left, as soon as no reader can hold them.
  template <class Out>
  void reclaim_all(Out&& out) {
    if (retired_.empty() || (reclaim(out) && retired_.empty())) return;
    readers::wait();
    retired_.reclaim_all([&](value_type&& value) { out.free(std::move(value)); });
    note();
  }

  /// Removes everything; the cells go to `into`, for `destroy_cells`. Cost: O(1) but for the index.
  /// Requires: `into` is empty and of this cell type.
  void clear(node_pool& into) noexcept {
    view_.hide();
    pool_.swap(into);
    index_.clear();
    wheel_.clear();
    policy_->clear();
    heap_ = 0;
    note_structure();
  }
  static void destroy_cells(node_pool& pool) noexcept {
    for (handle at = node_pool::first(); at < pool.end(); ++at) {
      if (pool.is_used(at)) node_pool::cell<Cell>(pool.cells(), at).take();
    }
  }

 private:
  /// The bytes of an entry in the pool and, on average, in the index, for policies that compare sizes.
  static constexpr std::size_t cell_share = sizeof(Cell) + sizeof(node_links);
  static constexpr std::size_t index_share = 8;

  Cell& cell_at(handle at) const noexcept { return node_pool::cell<Cell>(pool_.cells(), at); }

  hash_index::place lookup(std::uint64_t hash, key_type key) const noexcept {
    return index_.find(hash, [&](handle at) { return static_cast<bool>(cell_at(at).look(hash, key)); });
  }

  /// The entry of `key` if it has not ended, or 0.
  handle alive(std::uint64_t hash, key_type key, std::int64_t now) const noexcept {
    const handle at = lookup(hash, key).entry;
    return at != 0 && now < cell_at(at).drop_at ? at : 0;
  }

  std::size_t bytes() const noexcept {
    return counts_ == accounting::charges ? heap_ : structure_ + heap_ + retired_.bytes();
  }
  /// Writes only a changed field, so that the line stays in the caches of all readers.
  void note() noexcept {
    if (counters_.entries != pool_.used()) counters_.entries = pool_.used();
    if (counters_.bytes != bytes()) counters_.bytes = bytes();
  }
  void note_structure() noexcept {
    structure_ = fixed_ + pool_.bytes() + index_.bytes() + policy_->bytes();
    note();
  }

  /// The largest charge of an entry: a share of the shard that the policy chooses, so that one large value
  /// cannot evict everything else. -1: nothing fits.
  std::int64_t most_charge() const noexcept {
    constexpr std::size_t most = std::numeric_limits<std::uint32_t>::max() / 2 - 1;
    const std::size_t share = counts_ == accounting::all ? cell_share : 0;
    if (budget_ <= fixed_ || (budget_ - fixed_) / largest_part_ < share) return -1;
    return static_cast<std::int64_t>(std::min((budget_ - fixed_) / largest_part_ - share, most));
  }
  bool fits(std::size_t charge, std::size_t value_bytes) const noexcept {
    return value_bytes <= charge && std::cmp_less_equal(charge, most_charge_);
  }

  /// Evicts until `charge` more bytes fit, and grows pool, index and policy as needed.
  template <class Out>
  bool make_room(std::size_t charge, Out&& out) {
    for (;;) {
      if (bytes() + charge + growth_for_one() <= budget_) {
        grow_for_one();
        return true;
      }
      if (!reclaim(out) && !give_back(out)) return false;
    }
  }

  std::size_t growth_for_one() const noexcept {
    if (counts_ == accounting::charges) return 0;
    return policy_->growth() + (index_.full() ? index_.growth() : 0) +
           (pool_.free() == 0 ? pool_.growth() : 0);
  }
  void grow_for_one() {
    const bool policy = policy_->growth() != 0;
    if (!policy && !index_.full() && pool_.free() != 0) return;
    if (policy) policy_->grow();
    if (index_.full()) reindex(&hash_index::grow);
    if (pool_.free() == 0) {
      if (pool_.is_full()) {
        const hidden meanwhile(*this);
        pool_.move();
      }
      pool_.grow();
    }
    note_structure();
  }

  /// While one exists, readers of the shard take its lock.
  class hidden {
   public:
    explicit hidden(shard& of) noexcept : of_(of) { of_.view_.hide(); }
    ~hidden() {
      if (!of_.ordered_by_use_) of_.view_.show(of_.index_, of_.pool_, of_.most_uses_);
    }
    hidden(const hidden&) = delete;
    hidden& operator=(const hidden&) = delete;

   private:
    shard& of_;
  };

  /// Rebuilds the index from the cells, which lie in order in memory. Without memory for it the
  /// shard starts afresh.
  void reindex(void (hash_index::*resize)()) {
    const hidden meanwhile(*this);
    try {
      (index_.*resize)();
    } catch (...) {
      auto cells = node_pool::of<Cell>();
      clear(cells);
      destroy_cells(cells);
      throw;
    }
    for (handle at = node_pool::first(); at < pool_.end(); ++at) {
      if (pool_.is_used(at)) index_.insert(cell_at(at).hash(), at);
    }
    note_structure();
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
    if (at == 0) return give_back_rest(out);
    Cell& cell = cell_at(at);
    policy_->evicted(cell, cell.hash());
    wheel_.remove(at);
    index_.erase(cell.hash(), at);
    release(at, left::evicted, out);
    return true;
  }

  template <class Out>
  bool give_back_rest(Out&& out) {
    if (!retired_.empty()) {
      reclaim_all(out);
      return true;
    }
    if (pool_.end() == 0) return false;
    auto none = node_pool::of<Cell>();
    clear(none);
    return true;
  }

  /// Frees values that have left and that no reader can hold. Returns whether there was one.
  template <class Out>
  bool reclaim(Out&& out) {
    return retired_.reclaim([&](value_type&& value) { out.free(std::move(value)); });
  }

  /// For a value that no reader finds any more, but may hold.
  template <class Out>
  void retire(value_type value, std::size_t charge, Out&& out) {
    if constexpr (Cell::lingers) {
      // Waiting values may take only a little room from the entries.
      const std::size_t most = budget_ / 64;
      if (retired_.full() && !reclaim(out)) reclaim_all(out);
      retired_.add(std::move(value), charge);
      if (retired_.bytes() > most && !(reclaim(out) && retired_.bytes() <= most)) reclaim_all(out);
      if (retired_.crowded(most)) out.crowded();
    } else {
      out.free(std::move(value));
    }
  }

  /// Moves the entries of the last chunk to free cells before it and frees the chunk.
  void pop_chunk() {
    const hidden meanwhile(*this);
    while (const handle from = pool_.last_used()) {
      const handle to = pool_.take();
      cell_at(from).move_to(cell_at(to));
      pool_.links(to) = pool_.links(from);
      pool_.give(from);
      index_.moved(cell_at(to).hash(), from, to);
      wheel_.moved(from, to);
      policy_->moved(to);
    }
    pool_.pop_chunk();
    note_structure();
  }

  /// Gives the entry another value. False: there was no room, and the entry is gone.
  template <class Out>
  [[gnu::always_inline]] bool replace(hash_index::place old_place, std::uint64_t hash, key_type key,
                                      value_type&& value, std::size_t charge, std::int64_t drop_at,
                                      Out&& out) {
    Cell& cell = cell_at(old_place.entry);
    if (charge != cell.charge || !timer_wheel::may_become(cell.drop_at, drop_at) ||
        !fits_beside(charge, charge, out))
      return replace_otherwise(old_place, hash, key, std::move(value), charge, drop_at, out);
    retire(write(cell, std::move(value), drop_at), charge, out);
    return true;
  }

  /// Readers rely on the order: see `view`.
  static value_type write(Cell& cell, value_type&& value, std::int64_t drop_at) noexcept {
    value_type old = cell.put(std::move(value));
    if (cell.drop_at != drop_at) cell.drop_at.publish(drop_at);
    return old;
  }

  /// Where more than value and end changes.
  template <class Out>
  [[gnu::noinline]] bool replace_otherwise(hash_index::place old_place, std::uint64_t hash, key_type key,
                                           value_type&& value, std::size_t charge, std::int64_t drop_at,
                                           Out&& out) {
    const handle at = old_place.entry;
    Cell& cell = cell_at(at);
    const std::size_t before = cell.charge;
    if (!fits_beside(charge, before, out)) {
      // Taken out, so that making room for it can neither evict nor move it.
      const typename view<Cell>::move moving(view_);
      const node was = static_cast<const node&>(cell);
      leave(at, left::replaced, out);
      return place(hash, key, std::move(value), charge, drop_at, &was, out);
    }
    const bool resized = charge != before;
    const bool timed = !timer_wheel::may_become(cell.drop_at, drop_at);
    if (resized) policy_->remove(at);
    if (timed) wheel_.remove(at);
    const auto change = [&] { return write(cell, std::move(value), drop_at); };
    value_type old = drop_at >= cell.drop_at ? change() : hash_index::rewrite(*old_place.in, change);
    if (resized) {
      cell.charge = static_cast<std::uint32_t>(charge);
      heap_ = heap_ - before + charge;
    }
    if (timed) wheel_.add(at);
    if (resized) policy_->restore(at);
    retire(std::move(old), before, out);
    return true;
  }

  /// Whether a new value has room: where values linger, beside the old one, which waits to be freed.
  template <class Out>
  bool fits_beside(std::size_t charge, std::size_t before, Out&& out) {
    if (!Cell::lingers || counts_ == accounting::charges)
      return charge <= before || bytes() + charge - before <= budget_;
    return bytes() + charge <= budget_ || (reclaim(out) && bytes() + charge <= budget_);
  }

  /// Puts an entry that is nowhere into the shard, evicting as needed. `was`: what it was when it was
  /// here before, or null. False: there is no room.
  template <class Out>
  bool place(std::uint64_t hash, key_type key, value_type&& value, std::size_t charge, std::int64_t drop_at,
             const node* was, Out&& out) {
    if (!make_room(charge, out)) {
      counters_.rejected += 1;
      return false;
    }
    const handle at = pool_.take();
    Cell& cell = cell_at(at);
    static_cast<node&>(cell) = was != nullptr ? *was : node{};
    cell.charge = static_cast<std::uint32_t>(charge);
    cell.drop_at = drop_at;
    cell.fill(hash, key, std::move(value));
    heap_ += charge;
    index_.insert(hash, at);
    wheel_.add(at);
    if (was == nullptr) {
      policy_->add(at, hash);
    } else {
      policy_->restore(at);
    }
    return true;
  }

  template <class Out>
  void leave(handle at, left why, Out&& out, bool timed = true) {
    policy_->remove(at);
    if (timed) wheel_.remove(at);
    index_.erase(cell_at(at).hash(), at);
    release(at, why, out);
  }

  template <class Out>
  void release(handle at, left why, Out&& out) {
    Cell& cell = cell_at(at);
    heap_ -= cell.charge;
    if (why == left::evicted) counters_.evictions += 1;
    if (why == left::expired) counters_.expirations += 1;
    out.gone(cell, why);
    const std::size_t charge = cell.charge;
    value_type value = cell.take();
    pool_.give(at);
    retire(std::move(value), charge, out);
  }

  // Ordered by who writes them, to limit false sharing. The first group changes on every write and shares
  // the lock's cache line.
  shard_counters counters_;
  [[no_unique_address]] std::conditional_t<Cell::lingers, retired<value_type>, none_retired> retired_;
  // Changes as entries come and go.
  std::size_t heap_ = 0;  ///< sum of charges
  hash_index index_;
  node_pool pool_;
  // Hardly ever changes.
  view<Cell>& view_;
  std::unique_ptr<eviction> policy_;
  const std::uint8_t most_uses_ = policy_->most_uses();
  const bool ordered_by_use_ = policy_->ordered_by_use();
  const accounting counts_;
  const std::size_t largest_part_ = policy_->largest_part();
  const std::size_t fixed_;
  std::size_t budget_;
  std::int64_t most_charge_ = most_charge();
  std::size_t structure_ = 0;  ///< bytes of index, pool and policy, and the fixed ones
  unsigned walkers_ = 0;       ///< while there are any, no cell moves to another handle
  timer_wheel wheel_;          ///< first the time, which changes once a tick
};

}  // namespace strata::memory
