#pragma once
/// The core of the memory cache with numbers as keys and values: what the benchmarks compare.
/// Threads: as `sharded`.

#include "memory/sharded.hpp"
#include "trace/number_cell.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace strata::bench {

using detail::forget;
using detail::mixed;
using detail::number_cell;

class number_cache {
 public:
  number_cache(unsigned shards, const memory::shard_setup& each, memory::make_policy policy)
      : parts_(shards, each, policy) {}

  /// In the caller, as a map's.
  [[gnu::always_inline]] std::optional<std::uint64_t> find(std::uint64_t key, std::int64_t now) noexcept {
    return parts_.find(mixed(key), key, now);
  }

  bool insert(std::uint64_t key, std::uint64_t value, std::int64_t now, std::size_t bytes = 0,
              std::int64_t drop_at = memory::node::never) {
    const std::uint64_t hash = mixed(key);
    auto& part = parts_.at(hash);
    const memory::locked hold(part.lock);
    return part.entries.insert(
               hash, key, std::move(value), bytes, drop_at, now, [](const number_cell*) { return true; },
               forget{}) < memory::stored::refused;
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
