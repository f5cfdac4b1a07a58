#include "memory/ghost.hpp"

#include <bit>

namespace strata::memory {

void ghost::grow() {
  const std::size_t old = buckets_;
  auto table = std::make_unique<bucket[]>(grown());
  buckets_ = grown();
  // A new bucket takes the contents of the old one at its middle. A bucket across two old ones loses some
  // entries, a sixth in all. Copies in a bucket where they do not belong only age there.
  for (std::size_t at = 0; old > 0 && at < buckets_; ++at)
    table[at] = table_[(2 * at + 1) * old / (2 * buckets_)];
  table_ = std::move(table);
  // A time wraps after 2^16 units; a quarter of them is more than the table can hold.
  const auto wanted = static_cast<unsigned>(std::bit_width(buckets_ * ways >> 14));
  if (wanted == shift_) return;
  for (std::size_t at = 0; at < buckets_; ++at) {
    for (slot& s : table_[at]) {
      s.time = static_cast<std::uint16_t>((added_ >> wanted) - (age(s) >> (wanted - shift_)));
    }
  }
  shift_ = wanted;
}

void ghost::add(std::uint64_t hash) noexcept {
  if (buckets_ == 0) return;
  ++added_;
  bucket& b = bucket_of(hash);
  const std::uint16_t fingerprint = fingerprint_of(hash);
  slot* into = b.data();
  for (slot& s : b) {
    if (s.fingerprint == fingerprint) {
      into = &s;
      break;
    }
    if (into->fingerprint != 0 && (s.fingerprint == 0 || age(s) > age(*into))) into = &s;
  }
  *into = {fingerprint, static_cast<std::uint16_t>(added_ >> shift_)};
  // One slot is looked at each time, so that none lives until its time wraps.
  if (slot& s = table_[aged_ / ways][aged_ % ways]; age(s) > 1u << 14) s = {};
  if (++aged_ == buckets_ * ways) aged_ = 0;
}

bool ghost::take(std::uint64_t hash, std::size_t reach) noexcept {
  if (buckets_ == 0) return false;
  for (slot& s : bucket_of(hash)) {
    if (s.fingerprint != fingerprint_of(hash)) continue;
    const bool remembered = age(s) << shift_ <= reach;
    s = {};
    return remembered;
  }
  return false;
}

void ghost::clear() noexcept {
  table_.reset();
  buckets_ = 0;
  added_ = 0;
  aged_ = 0;
  shift_ = 0;
}

}  // namespace strata::memory
