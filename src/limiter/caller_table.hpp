#pragma once
/// A bounded table of callers: sets of eight slots, each set under one of 16 locks. Callers with the same set
/// share its slots and nothing else. So a caller can push out at most the seven others that chance put into
/// its set. Threads: internally locked, in shards; a slot is touched under its shard's lock only.

#include "core/mutex.hpp"

#include <strata/key.hpp>
#include <strata/time.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <random>
#include <string_view>
#include <vector>

namespace strata::detail {

/// `Slot` has the members `caller`, the hash of a name (0: never used), and `arrival`: a slot whose arrival
/// is not after now is as good as empty.
template <class Slot>
class caller_table {
 public:
  static constexpr std::size_t slots_in_a_set = 8;

  explicit caller_table(std::size_t callers)
      : sets_(std::bit_ceil((callers + slots_in_a_set - 1) / slots_in_a_set)) {}

  /// The salted hash of `caller`: no client can choose names that collide.
  std::uint64_t hash(std::string_view caller) const noexcept {
    return std::max<std::uint64_t>(1, mix(hash_of(caller) ^ salt_));
  }

  /// Calls `use` with the caller's slot; a new caller takes the place of the one with the most allowance
  /// left, which loses the least.
  template <class Use>
  auto with(std::uint64_t hash, Use use) {
    auto& set = sets_[number(hash)];
    const scoped_lock lock(locks_[number(hash) % shards].mutex);
    auto mine = std::ranges::find(set, hash, &Slot::caller);
    if (mine == set.end()) {
      mine = std::ranges::min_element(set, {}, &Slot::arrival);
      *mine = Slot{};
      mine->caller = hash;
    }
    return use(*mine);
  }

  /// Calls `use` with the caller's slot, if it is known; else with a slot that is then forgotten.
  template <class Use>
  auto with_known(std::uint64_t hash, Use use) {
    auto& set = sets_[number(hash)];
    const scoped_lock lock(locks_[number(hash) % shards].mutex);
    const auto mine = std::ranges::find(set, hash, &Slot::caller);
    Slot none{};
    return use(mine == set.end() ? none : *mine);
  }

 private:
  static constexpr std::size_t shards = 16;
  struct alignas(64) shard {
    mutex mutex;
  };

  static std::uint64_t random_salt() {
    std::random_device source;
    return (static_cast<std::uint64_t>(source()) << 32) | source();
  }
  /// The finalizer of MurmurHash3.
  static std::uint64_t mix(std::uint64_t h) noexcept {
    h = (h ^ (h >> 33)) * 0xff51afd7ed558ccd;
    h = (h ^ (h >> 33)) * 0xc4ceb9fe1a85ec53;
    return h ^ (h >> 33);
  }
  std::size_t number(std::uint64_t hash) const noexcept { return hash & (sets_.size() - 1); }

  std::uint64_t salt_ = random_salt();
  std::array<shard, shards> locks_;  // lock i guards the sets whose number ends in i
  std::vector<std::array<Slot, slots_in_a_set>> sets_;
};

}  // namespace strata::detail
