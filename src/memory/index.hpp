#pragma once
/// The hash index of a shard: from hash to handle, in buckets of one cache line.
/// Threads: one strand (a shard's lock).
///
/// A bucket has ten slots, a 16-bit tag and a handle each, and counts the entries that wanted a
/// slot here and went on to the next bucket; a lookup goes on only where that count is not zero
/// (F14, Bronson & Shi 2019). There are no tombstones. The bucket is hash × buckets / 2^32, so
/// the number of buckets need not be a power of two and memory follows the entries closely.

#include "memory/node.hpp"

#include <cassert>
#include <memory>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace strata::memory {

class hash_index {
 public:
  std::size_t size() const noexcept { return size_; }

  /// True if an entry more needs `grow` first.
  bool full() const noexcept { return size_ >= limit(buckets_); }
  /// True if half as many buckets would do.
  bool sparse() const noexcept { return buckets_ > 4 && size_ < limit(buckets_) / 4; }

  std::size_t bytes() const noexcept { return bytes_for(buckets_); }
  /// What one `grow` adds.
  std::size_t growth() const noexcept { return bytes_for(grown()) - bytes(); }

  /// The entry with this hash of which `equal(handle)` is true, or 0.
  template <class Equal>
  handle find(std::uint64_t hash, Equal&& equal) const noexcept {
    const std::uint16_t tag = tag_of(hash);
    std::size_t at = home(hash);
    // Bounded, because in a small index every bucket may have been gone past.
    for (std::size_t left = buckets_; left > 0; --left, at = next(at)) {
      const bucket& b = table_[at];
      for (unsigned found = matches(b, tag); found != 0; found &= found - 1) {
        const handle candidate = b.handles[std::countr_zero(found)];
        if (equal(candidate)) return candidate;
      }
      if (b.overflow == 0) return 0;
    }
    return 0;
  }

  /// Requires: not full().
  void insert(std::uint64_t hash, handle entry) noexcept {
    assert(!full());
    for (std::size_t at = home(hash);; at = next(at)) {
      bucket& b = table_[at];
      if (const unsigned empty = matches(b, 0); empty != 0) {
        const int slot = std::countr_zero(empty);
        b.tags[slot] = tag_of(hash);
        b.handles[slot] = entry;
        ++size_;
        return;
      }
      ++b.overflow;
    }
  }

  /// Requires: `entry` is in the index under `hash`.
  void erase(std::uint64_t hash, handle entry) noexcept {
    for (std::size_t at = home(hash);; at = next(at)) {
      bucket& b = table_[at];
      if (const int slot = slot_of(b, entry); slot >= 0) {
        b.tags[slot] = 0;
        b.handles[slot] = 0;
        --size_;
        return;
      }
      --b.overflow;  // it went past this bucket, and no longer does
    }
  }

  /// The entry under `hash` has moved. Requires: `from` is in the index.
  void moved(std::uint64_t hash, handle from, handle to) noexcept {
    for (std::size_t at = home(hash);; at = next(at)) {
      if (const int slot = slot_of(table_[at], from); slot >= 0) {
        table_[at].handles[slot] = to;
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
  static constexpr unsigned slots = 10;
  struct alignas(64) bucket {
    std::uint16_t tags[slots];  ///< 0: free
    std::uint32_t overflow;     ///< how many entries went past
    handle handles[slots];
  };
  static_assert(sizeof(bucket) == 64);

  static std::size_t limit(std::size_t buckets) noexcept { return buckets * slots * 17 / 20; }
  static std::size_t bytes_for(std::size_t buckets) noexcept {
    return buckets == 0 ? 0 : buckets * sizeof(bucket) + 80;  // with what the allocator adds
  }
  std::size_t grown() const noexcept { return buckets_ < 2 ? buckets_ + 1 : buckets_ + buckets_ / 2; }

  static std::uint16_t tag_of(std::uint64_t hash) noexcept {
    const auto tag = static_cast<std::uint16_t>(hash >> 40);
    return tag == 0 ? 1 : tag;
  }
  std::size_t home(std::uint64_t hash) const noexcept { return (hash & 0xffffffff) * buckets_ >> 32; }
  std::size_t next(std::size_t at) const noexcept { return at + 1 == buckets_ ? 0 : at + 1; }

  /// A bit for each slot whose tag is `tag`.
  static unsigned matches(const bucket& b, std::uint16_t tag) noexcept {
#if defined(__SSE2__)
    const auto* from = reinterpret_cast<const __m128i*>(b.tags);  // 20 bytes of tags, then more bucket
    const __m128i wanted = _mm_set1_epi16(static_cast<short>(tag));
    const __m128i low = _mm_cmpeq_epi16(_mm_load_si128(from), wanted);
    const __m128i high = _mm_cmpeq_epi16(_mm_load_si128(from + 1), wanted);
    return static_cast<unsigned>(_mm_movemask_epi8(_mm_packs_epi16(low, high))) & ((1u << slots) - 1);
#else
    unsigned found = 0;
    for (unsigned i = 0; i < slots; ++i) found |= static_cast<unsigned>(b.tags[i] == tag) << i;
    return found;
#endif
  }

  static int slot_of(const bucket& b, handle entry) noexcept {
    for (unsigned i = 0; i < slots; ++i) {
      if (b.handles[i] == entry) return static_cast<int>(i);
    }
    return -1;
  }

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
