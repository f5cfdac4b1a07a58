#include "memory/ghost.hpp"

#include <algorithm>
#include <bit>

namespace strata::memory {

std::size_t ghost::growth(std::size_t reach) const noexcept {
  // Two thirds full at most, so that few are pushed out of a bucket before their time.
  if (reach * 3 <= buckets_ * ways * 2) return 0;
  return bytes_for(buckets_ == 0 ? 1 : buckets_ * 2);
}

void ghost::grow() {
  const std::size_t old = buckets_;
  auto table = std::make_unique<bucket[]>(old == 0 ? 1 : old * 2);
  // The bit that tells a slot's new bucket is not kept: it goes into both. The copy that is
  // wrong can only ever match by the chance any fingerprint has.
  for (std::size_t at = 0; at < old; ++at) table[at] = table[at + old] = table_[at];
  table_ = std::move(table);
  buckets_ = old == 0 ? 1 : old * 2;
  // Times stay far from wrapping within the reach: 2^14 units cover more than the table holds.
  if (const unsigned wanted = static_cast<unsigned>(std::bit_width(buckets_ * ways >> 14)); wanted > shift_) {
    for (std::size_t at = 0; at < buckets_; ++at) {
      for (slot& s : table_[at]) {
        const std::uint64_t units = age(s);
        s.time = static_cast<std::uint16_t>((added_ >> wanted) - (units >> (wanted - shift_)));
      }
    }
    shift_ = wanted;
  }
}

void ghost::add(std::uint64_t hash) noexcept {
  if (buckets_ == 0) return;
  ++added_;
  bucket& b = bucket_of(hash);
  const std::uint16_t fingerprint = fingerprint_of(hash);
  slot* into = &b[0];
  for (slot& s : b) {
    if (s.fingerprint == fingerprint) {
      into = &s;
      break;
    }
    if (into->fingerprint != 0 && (s.fingerprint == 0 || age(s) > age(*into))) into = &s;
  }
  *into = {fingerprint, static_cast<std::uint16_t>(added_ >> shift_)};
  // One slot a step is looked at, so that none outlives the wrap of its time.
  if (slot& old = table_[(added_ / ways) & (buckets_ - 1)][added_ % ways]; age(old) > 0x4000) old = {};
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
  shift_ = 0;
}

}  // namespace strata::memory
