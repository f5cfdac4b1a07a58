#pragma once
/// The hash index of a shard: from hash to handle, in buckets of one cache line.
/// Threads: one strand (a shard's lock), except for the fields of a bucket that `view` reads.
///
/// A bucket has twelve slots, an 8-bit tag and a handle each, and counts the entries that wanted a
/// slot here and went on to the next bucket; a lookup goes on only where that count is not zero
/// (F14, Bronson & Shi 2019). There are no tombstones. The bucket is hash × buckets / 2^32, so
/// the number of buckets need not be a power of two and memory follows the entries closely.
///
/// A bucket also has a version, odd while it changes, so that readers need no lock (a seqlock: Lameter
/// 2005; as Boehm 2012 has it for C++, all that is read under it is atomic). The version covers the
/// bucket and the cells whose handles it holds: none of them changes, or is given to another entry,
/// without it, except for a value that is replaced by one that ends no earlier (see `view`).

#include "memory/node.hpp"

#include <array>
#include <atomic>
#include <cassert>
#include <memory>

namespace strata::memory {

/// Version (24 bits), overflow (8), and the tags of four slots in the first word, eight more tags in the
/// second. A version repeats after 2^23 changes of one bucket. A reader that slept through exactly that
/// many would not notice; one hot key takes seconds for them.
class alignas(64) bucket {
 public:
  static constexpr unsigned slots = 12;
  static constexpr unsigned first_slot = 4;  ///< where its tag is, in bytes

  static std::uint8_t tag_of(std::uint64_t hash) noexcept {
    const auto tag = static_cast<std::uint8_t>(hash >> 40);
    return tag == 0 ? 1 : tag;
  }
  static std::size_t home(std::uint64_t hash, std::size_t buckets) noexcept {
    return (hash & 0xffff'ffff) * buckets >> 32;
  }

  /// A copy of the bucket's words in registers.
  class snapshot {
   public:
    bool passed() const noexcept { return (first_ & overflow) != 0; }  ///< an entry went on to the next

    /// The slots whose tag is `tag`, a bit each; for `slot_of` from the lowest up.
    std::uint32_t matches(std::uint8_t tag) const noexcept {
#if defined(__SSE2__)
      using bytes [[gnu::vector_size(16)]] = char;
      using words [[gnu::vector_size(16)]] = std::uint64_t;
      const std::uint64_t wanted = each * tag;
      const auto equal =
          std::bit_cast<bytes>(words{first_, second_}) == std::bit_cast<bytes>(words{wanted, wanted});
      return static_cast<std::uint32_t>(__builtin_ia32_pmovmskb128(std::bit_cast<bytes>(equal))) & all;
#else
      std::uint32_t found = 0;
      for (unsigned slot = 0; slot < slots; ++slot) {
        const std::uint64_t tags = slot < 4 ? first_ >> 32 >> slot * 8 : second_ >> (slot - 4) * 8;
        found |= std::uint32_t{static_cast<std::uint8_t>(tags) == tag} << (first_slot + slot);
      }
      return found;
#endif
    }

   private:
    friend bucket;
    static constexpr std::uint64_t each = 0x0101'0101'0101'0101;
    static constexpr std::uint32_t all = ((1u << slots) - 1) << first_slot;

    std::uint64_t first_;
    std::uint64_t second_;
  };

  /// The slot of the lowest bit that `matches` returned.
  static unsigned slot_of(std::uint32_t matches) noexcept {
    return static_cast<unsigned>(std::countr_zero(matches)) - first_slot;
  }

  snapshot read() const noexcept {
    snapshot now;
    now.first_ = first_.load(std::memory_order_acquire);
    now.second_ = second_.load(std::memory_order_acquire);
    return now;
  }
  /// Returns whether neither the bucket nor its cells have changed since `then`, up to the last read of
  /// them.
  bool still(const snapshot& then) const noexcept {
    std::atomic_thread_fence(std::memory_order_acquire);
    return first_.load(std::memory_order_relaxed) == (then.first_ & ~std::uint64_t{1});
  }
  handle at(unsigned slot) const noexcept { return handles_[slot].load(std::memory_order_acquire); }

 private:
  friend class hash_index;
  static constexpr std::uint64_t version = 0xff'ffff;
  static constexpr std::uint64_t one_passed = version + 1;
  static constexpr std::uint64_t overflow = 0xff * one_passed;

  void begin() noexcept {
    step();
    std::atomic_thread_fence(std::memory_order_release);
  }
  void end() noexcept { step(); }
  void step() noexcept {
    const std::uint64_t now = first_.load(std::memory_order_relaxed);
    first_.store((now & ~version) | ((now + 1) & version), std::memory_order_release);
  }
  /// The count saturates: lookups then always go on to the next bucket, and stay correct.
  void pass() noexcept { change_overflow(one_passed); }
  void unpass() noexcept { change_overflow(-one_passed); }
  void change_overflow(std::uint64_t by) noexcept {
    const std::uint64_t now = first_.load(std::memory_order_relaxed);
    if ((now & overflow) != overflow) first_.store(now + by, std::memory_order_release);
  }
  void put(unsigned slot, std::uint8_t tag, handle entry) noexcept {
    handles_[slot].store(entry, std::memory_order_release);
    auto& word = slot < 4 ? first_ : second_;
    const unsigned shift = slot < 4 ? 32 + slot * 8 : (slot - 4) * 8;
    const std::uint64_t others = word.load(std::memory_order_relaxed) & ~(std::uint64_t{0xff} << shift);
    word.store(others | std::uint64_t{tag} << shift, std::memory_order_release);
  }
  /// The slot of `entry`, whose tag is `tag`, or -1.
  int slot_with(std::uint8_t tag, handle entry) const noexcept {
    for (std::uint32_t found = read().matches(tag); found != 0; found &= found - 1) {
      const unsigned slot = slot_of(found);
      if (at(slot) == entry) return static_cast<int>(slot);
    }
    return -1;
  }

  std::atomic<std::uint64_t> first_{0};
  std::atomic<std::uint64_t> second_{0};  ///< tag 0: free
  std::array<std::atomic<handle>, slots> handles_{};
};
static_assert(sizeof(bucket) == 64);

class hash_index {
 public:
  std::size_t size() const noexcept { return size_; }

  /// For readers: they must be gone before `grow`, `shrink` and `clear`.
  const bucket* buckets() const noexcept { return table_.get(); }
  std::size_t count() const noexcept { return buckets_; }

  /// True if an entry more needs `grow` first.
  bool full() const noexcept { return size_ >= limit(buckets_); }
  /// True if half as many buckets would do.
  bool sparse() const noexcept { return buckets_ > 4 && size_ < limit(buckets_) / 4; }

  std::size_t bytes() const noexcept { return bytes_for(buckets_); }
  /// The bytes that one `grow` adds.
  std::size_t growth() const noexcept { return bytes_for(grown()) - bytes(); }

  /// An entry, and the bucket that names it.
  struct place {
    handle entry = 0;
    bucket* in = nullptr;
  };

  /// The entry with this hash of which `equal(handle)` is true, or handle 0.
  template <class Equal>
  place find(std::uint64_t hash, Equal&& equal) const noexcept {
    const std::uint8_t tag = bucket::tag_of(hash);
    std::size_t at = home(hash);
    // Bounded, because in a small index every bucket may have been gone past.
    for (std::size_t left = buckets_; left > 0; --left, at = next(at)) {
      const auto now = table_[at].read();
      for (std::uint32_t found = now.matches(tag); found != 0; found &= found - 1) {
        const handle candidate = table_[at].at(bucket::slot_of(found));
        if (equal(candidate)) return {candidate, &table_[at]};
      }
      if (!now.passed()) break;
    }
    return {};
  }

  /// Requires: not full().
  void insert(std::uint64_t hash, handle entry) noexcept {
    assert(!full());
    for (std::size_t at = home(hash);; at = next(at)) {
      bucket& b = table_[at];
      if (const std::uint32_t empty = b.read().matches(0); empty != 0) {
        b.begin();
        b.put(bucket::slot_of(empty), bucket::tag_of(hash), entry);
        b.end();
        ++size_;
        return;
      }
      b.pass();
    }
  }

  /// From then on the entry's cell may be changed: readers discard what they find there.
  /// Requires: `entry` is in the index under `hash`.
  void erase(std::uint64_t hash, handle entry) noexcept {
    const std::uint8_t tag = bucket::tag_of(hash);
    for (std::size_t at = home(hash);; at = next(at)) {
      bucket& b = table_[at];
      if (const int slot = b.slot_with(tag, entry); slot >= 0) {
        b.begin();
        b.put(static_cast<unsigned>(slot), 0, 0);
        b.end();
        --size_;
        return;
      }
      b.unpass();  // it went past this bucket, and no longer does
    }
  }

  /// Runs `change`, which changes what readers see of a cell that `in` names. Returns what it returns.
  template <class Change>
  static auto rewrite(bucket& in, Change&& change) noexcept {
    in.begin();
    auto result = change();
    in.end();
    return result;
  }

  /// The entry under `hash` has moved. Requires: `from` is in the index.
  void moved(std::uint64_t hash, handle from, handle to) noexcept {
    const std::uint8_t tag = bucket::tag_of(hash);
    for (std::size_t at = home(hash);; at = next(at)) {
      bucket& b = table_[at];
      if (const int slot = b.slot_with(tag, from); slot >= 0) {
        b.begin();
        b.put(static_cast<unsigned>(slot), tag, to);
        b.end();
        return;
      }
    }
  }

  /// Becomes empty with half as many buckets again, or with half of them; the caller inserts its
  /// entries anew. The old memory is freed first, so that both never exist; if the new cannot be
  /// had, throws bad_alloc and the index has no memory.
  void grow() { reset(grown()); }
  void shrink() { reset(buckets_ / 2); }

  void clear() noexcept {
    table_.reset();
    buckets_ = size_ = 0;
  }

 private:
  static std::size_t limit(std::size_t buckets) noexcept { return buckets * bucket::slots * 17 / 20; }
  static std::size_t bytes_for(std::size_t buckets) noexcept {
    return buckets == 0 ? 0 : buckets * sizeof(bucket) + 80;  // with what the allocator adds
  }
  std::size_t grown() const noexcept { return buckets_ < 2 ? buckets_ + 1 : buckets_ + buckets_ / 2; }
  std::size_t home(std::uint64_t hash) const noexcept { return bucket::home(hash, buckets_); }
  std::size_t next(std::size_t at) const noexcept { return at + 1 == buckets_ ? 0 : at + 1; }

  void reset(std::size_t buckets) {
    clear();
    table_ = std::make_unique<bucket[]>(buckets);
    buckets_ = buckets;
  }

  std::unique_ptr<bucket[]> table_;
  std::size_t buckets_ = 0;
  std::size_t size_ = 0;
};

}  // namespace strata::memory
