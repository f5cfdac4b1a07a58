/// The default policy, "S3-CAMP": it admits entries as S3-FIFO does and keeps them as CAMP does.
///
/// Structure. Every entry is in one queue, oldest at the tail:
///
///   new ──> small (a tenth of the bytes) ──used──────> main: one queue a size class ──> evicted
///              │                                         ^        └─ used: goes round again
///              └─ not used: evicted, remembered by the ghost ──── comes back ──┘
///
/// A hit only raises the entry's use count, up to 3. So a hit orders nothing, needs no second cache
/// line, and entries that are used all the time are not written at all.
///
/// Getting in. Most entries of most caches are never used again; they pass through `small` and cost
/// a tenth of the bytes, however many come: a scan cannot reach `main`. An entry that is dropped
/// from `small` leaves a fingerprint of its hash in the ghost, which reaches as far back as `main`
/// has entries; if it comes back in that time it was dropped too early and enters `main` at once.
/// S3-FIFO asks for two uses in `small`, this for one: with sizes weighed behind it, being wrong
/// about an entry costs less, and being late costs the same.
///
/// Staying. Per byte it takes, a small entry that is used as often as a large one earns more object
/// hits. GreedyDual-Size gives each entry the value L + 1/size, evicts the lowest, and raises L, the
/// inflation, to the evicted value. L overtakes an entry that is not used again in time, whatever its
/// size. Here the size is rounded to half a power of two, as CAMP does, so that the
/// entries of one class are in the order of their values simply by the order they came in, and the
/// lowest of all is the lowest of at most 32 tails. An entry used since it was queued goes round
/// again, with one use less and a new value: the clock of S3-FIFO within each class.
///
/// Values are 16-bit numbers that wrap ("stamps"). A class's weight is at most 2^13 and at least 1,
/// and L never passes the lowest stamp, so all stamps lie within 2^13 above L and
/// `stamp - L` modulo 2^16 orders them.
///
/// Invariants:
///   1. a node's `queue` says its queue: 0 is small, 1 + c is class c;
///   2. bit c of `nonempty_` is set exactly if class c has entries;
///   3. within a class, stamps do not fall from tail to head; no stamp is below L.
///
/// With `eviction_objective::bytes` there is one class: every byte is worth the same, values are equal except
/// for their time, and the policy is S3-FIFO.
///
/// An entry may take a tenth of the shard, the size of `small`, since a larger one would evict every
/// entry on trial; a quarter for bytes, since large entries matter most there.
///
/// Papers: S3-FIFO (Yang et al., SOSP 2023); CAMP (Ghandeharizadeh et al., Middleware 2014);
/// GreedyDual-Size (Cao and Irani, USITS 1997).

#include "memory/eviction.hpp"
#include "memory/ghost.hpp"

#include <algorithm>
#include <array>
#include <bit>

namespace strata::memory {

namespace {

constexpr unsigned classes = 32;

/// Half powers of two from 64 on: 64, 96, 128, 192, … up to 2^21 and all above.
unsigned class_of(std::size_t size) noexcept {
  if (size < 64) return 0;
  const auto log = static_cast<unsigned>(std::bit_width(size)) - 1;
  const auto half = static_cast<unsigned>(size >> (log - 1)) & 1;
  return std::min((log - 6) * 2 + half, classes - 1);
}

/// The weight of an entry of this class: 2^13 at 64 bytes, in inverse proportion to the size.
std::uint16_t weight_of(unsigned size_class) noexcept {
  constexpr unsigned at_64 = 1u << 13;
  constexpr unsigned at_96 = at_64 * 2 / 3;
  return static_cast<std::uint16_t>(std::max((size_class % 2 == 0 ? at_64 : at_96) >> (size_class / 2), 1u));
}

class s3_camp final : public eviction {
 public:
  explicit s3_camp(const eviction_setup& setup)
      : pool_(setup.pool), per_entry_(setup.per_entry), wanted_(setup.wanted) {}

  void add(handle at, std::uint64_t hash) override {
    if (ghost_.take(hash, main_size_)) {
      enter_main(at);
    } else {
      enter_small(at);
    }
  }
  void remove(handle at) override {
    if (pool_[at].queue == in_small) {
      leave_small(at);
    } else {
      leave_main(at);
    }
  }
  void restore(handle at) override {
    if (pool_[at].queue == in_small) {
      enter_small(at);
    } else {
      enter_main(at);
    }
  }

  handle victim() override {
    for (;;) {
      if (main_size_ == 0 || (small_.size() > 0 && small_bytes_ * 10 > small_bytes_ + main_bytes_)) {
        const handle at = small_.oldest();
        if (at == 0) return 0;
        leave_small(at);
        if (pool_[at].uses == 0) return at;
        pool_[at].uses = 0;
        enter_main(at);
      } else {
        const handle at = lowest();
        inflation_ = pool_[at].stamp;
        leave_main(at);
        if (pool_[at].uses == 0) return at;
        pool_[at].uses = static_cast<std::uint8_t>(pool_[at].uses - 1);
        enter_main(at);
      }
    }
  }
  void evicted(const node& was, std::uint64_t hash) override {
    if (was.queue == in_small) ghost_.add(hash);
  }
  void moved(handle to) override {
    auto& queue = pool_[to].queue == in_small ? small_ : main_[class_at(to)];
    queue.moved(pool_, to);
  }

  std::uint8_t most_uses() const noexcept override { return 3; }
  std::size_t largest_part() const noexcept override {
    return wanted_ == eviction_objective::objects ? 10 : 4;
  }
  std::size_t bytes() const noexcept override { return sizeof(*this) + ghost_.bytes(); }
  std::size_t growth() const noexcept override { return ghost_.growth(main_size_); }
  void grow() override { ghost_.grow(); }
  void clear() noexcept override {
    small_ = {};
    main_ = {};
    nonempty_ = 0;
    small_bytes_ = main_bytes_ = main_size_ = 0;
    inflation_ = 0;
    ghost_.clear();
  }

 private:
  static constexpr std::uint8_t in_small = 0;

  std::size_t size_of(handle at) const noexcept { return pool_[at].charge + per_entry_; }
  unsigned class_at(handle at) const noexcept { return pool_[at].queue - 1u; }

  void enter_small(handle at) noexcept {
    pool_[at].queue = in_small;
    small_.push(pool_, at);
    small_bytes_ += size_of(at);
  }
  void leave_small(handle at) noexcept {
    small_.remove(pool_, at);
    small_bytes_ -= size_of(at);
  }
  void enter_main(handle at) noexcept {
    const unsigned into = wanted_ == eviction_objective::objects ? class_of(size_of(at)) : 0;
    pool_[at].queue = static_cast<std::uint8_t>(into + 1);
    pool_[at].stamp = static_cast<std::uint16_t>(inflation_ + weight_of(into));
    main_[into].push(pool_, at);
    nonempty_ |= 1u << into;
    main_bytes_ += size_of(at);
    ++main_size_;
  }
  void leave_main(handle at) noexcept {
    auto& queue = main_[class_at(at)];
    queue.remove(pool_, at);
    if (queue.size() == 0) nonempty_ &= ~(1u << class_at(at));
    main_bytes_ -= size_of(at);
    --main_size_;
  }

  /// The entry of main worth least. Requires: main is not empty.
  handle lowest() const noexcept {
    handle found = 0;
    unsigned least = 1u << 16;
    for (std::uint32_t left = nonempty_; left != 0; left &= left - 1) {
      const handle tail = main_[static_cast<unsigned>(std::countr_zero(left))].oldest();
      const unsigned above = static_cast<std::uint16_t>(pool_[tail].stamp - inflation_);
      if (above < least) {
        least = above;
        found = tail;
      }
    }
    return found;
  }

  node_pool& pool_;
  const std::size_t per_entry_;
  const eviction_objective wanted_;
  // The fields that change with each entry lie together, in two lines.
  node_queue small_;
  std::uint32_t nonempty_ = 0;
  std::size_t small_bytes_ = 0;
  std::size_t main_bytes_ = 0;
  std::size_t main_size_ = 0;
  ghost ghost_;
  std::uint16_t inflation_ = 0;
  std::array<node_queue, classes> main_;
};

}  // namespace

std::unique_ptr<eviction> make_s3_camp(const eviction_setup& setup) {
  return std::make_unique<s3_camp>(setup);
}

}  // namespace strata::memory
