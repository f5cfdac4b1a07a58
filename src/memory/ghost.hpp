#pragma once
/// The ghost remembers evicted keys as fingerprints of their hashes and forgets the oldest first.
/// Threads: one strand (a shard's lock).
///
/// A table of 16-bit fingerprints with 16-bit times in buckets of eight, about as many slots as are
/// to be remembered. A fingerprint is remembered while fewer than `reach` others came after it, or
/// until its bucket needs the place. About one lookup in 8,000 finds a key that was never there, which
/// costs a little space in the cache. It grows and never shrinks, except to nothing by `clear`.

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace strata::memory {

class ghost {
 public:
  std::size_t bytes() const noexcept { return bytes_for(buckets_); }

  /// The additional bytes that `grow` needs to remember `reach` keys; 0: none.
  std::size_t growth(std::size_t reach) const noexcept {
    return reach <= buckets_ * ways ? 0 : bytes_for(grown());
  }
  void grow();

  /// Remembers `hash` as the newest.
  void add(std::uint64_t hash) noexcept;

  /// Whether `hash` is among the newest `reach`; it is forgotten then.
  bool take(std::uint64_t hash, std::size_t reach) noexcept;

  void clear() noexcept;

 private:
  static constexpr unsigned ways = 8;
  struct slot {
    std::uint16_t fingerprint = 0;
    std::uint16_t time = 0;
  };
  using bucket = std::array<slot, ways>;

  static std::size_t bytes_for(std::size_t buckets) noexcept {
    return buckets == 0 ? 0 : buckets * sizeof(bucket) + 16;  // with what the allocator adds
  }
  std::size_t grown() const noexcept { return buckets_ + buckets_ / 2 + 1; }

  bucket& bucket_of(std::uint64_t hash) noexcept {
    return table_[(hash >> 16 & 0xffff'ffff) * buckets_ >> 32];
  }
  static std::uint16_t fingerprint_of(std::uint64_t hash) noexcept {
    const auto fingerprint = static_cast<std::uint16_t>(hash);
    return fingerprint == 0 ? 1 : fingerprint;
  }
  /// How long ago, in units of 2^shift_ additions.
  std::uint64_t age(const slot& s) const noexcept {
    return static_cast<std::uint16_t>((added_ >> shift_) - s.time);
  }

  std::unique_ptr<bucket[]> table_;
  std::size_t buckets_ = 0;
  std::uint64_t added_ = 0;  ///< time: how many were added
  std::size_t aged_ = 0;     ///< the slot whose age is looked at next
  unsigned shift_ = 0;       ///< a slot's time counts this many bits coarser
};

}  // namespace strata::memory
