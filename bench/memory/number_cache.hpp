#pragma once
/// The core of the memory cache with numbers as keys and values: what the benchmarks compare.
/// Threads: as `sharded`.

#include "memory/sharded.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace strata::bench {

/// Mixes all bits of a number into all bits of the hash.
inline std::uint64_t mixed(std::uint64_t key) noexcept {
  const auto wide = static_cast<unsigned __int128>(key ^ 0x9e37'79b9'7f4a'7c15) * 0xd6e8'feb8'6659'fd93;
  const auto once = static_cast<std::uint64_t>(wide) ^ static_cast<std::uint64_t>(wide >> 64);
  return once * 0xd6e8'feb8'6659'fd93 ^ once >> 32;
}

class number_cell : public memory::node {
 public:
  using key_type = std::uint64_t;
  using value_type = std::uint64_t;

  static constexpr bool accepts(std::uint64_t) noexcept { return true; }
  static constexpr std::size_t key_bytes(std::uint64_t) noexcept { return 0; }

  number_cell(std::uint64_t, std::uint64_t key) noexcept : key_(key) {}

  std::uint64_t hash() const noexcept { return mixed(key_); }
  bool holds(std::uint64_t, std::uint64_t key) const noexcept { return key_ == key; }
  std::uint64_t value() const noexcept { return value_; }
  std::uint64_t put(std::uint64_t value) noexcept { return std::exchange(value_, value); }

 private:
  std::uint64_t key_;
  std::uint64_t value_ = 0;
};

/// What leaves needs no care.
struct forget {
  void gone(const number_cell&, memory::left) const noexcept {}
  void replaced(std::uint64_t) const noexcept {}
};

class number_cache {
 public:
  number_cache(unsigned shards, const memory::shard_setup& each, memory::make_policy policy)
      : parts_(shards, each, policy) {}

  std::optional<std::uint64_t> find(std::uint64_t key, std::int64_t now) noexcept {
    const std::uint64_t hash = mixed(key);
    auto& part = parts_.at(hash);
    const memory::locked hold(part.lock);
    const number_cell* found = part.entries.find(hash, key, now);
    return found != nullptr ? std::optional(found->value()) : std::nullopt;
  }

  bool insert(std::uint64_t key, std::uint64_t value, std::int64_t now, std::size_t bytes = 0,
              std::int64_t drop_at = memory::node::never) {
    const std::uint64_t hash = mixed(key);
    auto& part = parts_.at(hash);
    const memory::locked hold(part.lock);
    return part.entries.insert(
               hash, key, value, bytes, drop_at, now, [](const number_cell*) { return true; }, forget{}) <
           memory::stored::refused;
  }

  std::uint64_t entries() const noexcept { return sum(&memory::shard_counters::entries); }
  std::uint64_t bytes() const noexcept { return sum(&memory::shard_counters::bytes); }

 private:
  std::uint64_t sum(memory::counter memory::shard_counters::* of) const noexcept {
    std::uint64_t all = 0;
    for (const auto& part : parts_) all += part.counters().*of;
    return all;
  }

  memory::sharded<number_cell> parts_;
};

}  // namespace strata::bench
